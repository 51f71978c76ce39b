# Completes command lines of doozer in bash: doozer itself says what may stand at the cursor.

_doozer() {
    local current=${COMP_WORDS[COMP_CWORD]} begun word
    COMPREPLY=()
    # What bash takes for the word at the cursor begins behind a colon or an equals sign.
    begun=${COMP_LINE:0:COMP_POINT}
    begun=${begun##*[[:space:]]}
    begun=${begun%"$current"}
    while IFS=$'\t' read -r word _; do
        if [[ $word == :files ]]; then
            compopt -o default
            COMPREPLY=()
            return
        fi
        COMPREPLY+=("${word#"$begun"}")
    done < <("${COMP_WORDS[0]}" __complete --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace
    fi
}

complete -F _doozer doozer

#compdef doozer
# Completes command lines of doozer in zsh: doozer itself says what may stand at the cursor.

_doozer() {
    local word help
    local -a found directories
    while IFS=$'\t' read -r word help; do
        case $word in
            :files) _files; return ;;
            */) directories+=("$word") ;;
            *) found+=("${word//:/\\:}:$help") ;;
        esac
    done < <($words[1] __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( $#directories )) && compadd -S '' -- $directories
    (( $#found )) && _describe doozer found
}

if [[ $funcstack[1] == _doozer ]]; then
    _doozer "$@"
else
    compdef _doozer doozer
fi

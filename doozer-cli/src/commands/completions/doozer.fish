# Completes command lines of doozer in fish: doozer itself says what may stand at the cursor.

function __doozer_complete
    set -l before (commandline --cut-at-cursor --tokenize --current-process)
    set -l current (commandline --cut-at-cursor --current-token)
    set -l found ($before[1] __complete -- $before[2..] "$current" 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path "$current"
    else
        string join \n $found
    end
end

complete --command doozer --no-files --keep-order --arguments '(__doozer_complete)'

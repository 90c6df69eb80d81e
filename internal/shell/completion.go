package shell

import "strings"

// Completion returns a script by which bash completes the commands of program, as cobra
// makes it, such that it needs no package bash-completion: without it, the script had bash
// say that commands are not found. Files are then those of any name, as bash completes them.
func Completion(script, program string) string {
	rest := strings.ReplaceAll(withoutPackage, "PROGRAM", program)
	return strings.ReplaceAll(script, "_filedir", "__"+program+"_filedir") + rest
}

// withoutPackage replaces functions of the script. COMP_WORDS has words that are cut at =
// and :, which the functions of the package join again; here, words end at blanks.
const withoutPackage = `
__PROGRAM_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local line=${COMP_LINE:0:COMP_POINT}
    read -r -a words <<<"$line"
    if [[ $line == *[[:blank:]] ]]; then
        words+=("")
    fi
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=${words[cword > 0 ? cword - 1 : 0]}
}

__PROGRAM_filedir()
{
    if declare -F _filedir >/dev/null 2>&1; then
        _filedir "$@"
    fi
}
`

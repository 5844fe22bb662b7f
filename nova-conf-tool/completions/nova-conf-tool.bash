# bash completion for nova-conf-tool
_nova_conf_tool()
{
    local cur prev words cword
    _init_completion || return
    local commands="lint show explain rules diff upgrade fix"
    local input="--config-file --config-dir --root --release --program --fragment --select --ignore
        --exclude-group --exclude-options --opt-data --help"

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
        return
    fi
    case $prev in
    --release | -r | --from | --to)
        mapfile -t COMPREPLY < <(compgen -W "mitaka newton ocata pike queens rocky stein train ussuri victoria
            wallaby xena yoga zed antelope bobcat caracal dalmatian epoxy flamingo gazpacho 2023.1 2023.2 2024.1
            2024.2 2025.1 2025.2 2026.1" -- "$cur")
        return
        ;;
    --format | -f)
        mapfile -t COMPREPLY < <(compgen -W "text json sarif gitlab gcc junit" -- "$cur")
        return
        ;;
    --fail-on)
        mapfile -t COMPREPLY < <(compgen -W "error warning info never" -- "$cur")
        return
        ;;
    --color)
        mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur")
        return
        ;;
    --program)
        mapfile -t COMPREPLY < <(compgen -W "nova-compute nova-conductor nova-scheduler nova-api" -- "$cur")
        return
        ;;
    --config-dir | --root)
        _filedir -d
        return
        ;;
    --select | --ignore)
        mapfile -t COMPREPLY < <(compgen -W "$(nova-conf-tool rules 2>/dev/null | cut -d' ' -f1)" -- "$cur")
        return
        ;;
    esac
    if [[ ${words[1]} == explain ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(nova-conf-tool rules 2>/dev/null | cut -d' ' -f1)" -- "$cur")
        return
    fi
    if [[ $cur == -* ]]; then
        case ${words[1]} in
        lint) input+=" --format --fail-on --color --baseline --write-baseline" ;;
        show) input+=" --format --all" ;;
        rules) input="--format" ;;
        diff) input+=" --format" ;;
        upgrade) input+=" --from --to --format --patch" ;;
        fix) input+=" --in-place" ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$input" -- "$cur")
        return
    fi
    _filedir
}
complete -F _nova_conf_tool nova-conf-tool

"""`keyturn completion`: a shell's script for completing keyturn's words, from the commands' own parsers."""

from __future__ import annotations

from keyturn.cli.commands import COMMANDS, PRINT, SESSION, WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Action, ArgumentParser, Namespace
    from collections.abc import Sequence

    from keyturn.cli.commands import Command
    from keyturn.cli.terminal import Terminal

SHELLS = ("bash", "zsh", "fish")
_FILES = ("--code-file", "--url-file")


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(options: Namespace, terminal: Terminal) -> int:
    """Print the script."""
    terminal.print({"bash": bash, "zsh": zsh, "fish": fish}[options.shell]())
    return 0


def bash() -> str:
    """For bash 4 and newer."""
    cases = "\n".join(
        f"    {name}) words='{' '.join(_words(COMMANDS[name]))}' ;;" for name in (*WORDS, SESSION)
    )
    values = "\n".join(f"  {name}) words='{' '.join(words)}' ;;" for name, words in _values().items())
    return f"""\
_keyturn() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local command={SESSION} words word
  COMPREPLY=()
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in
    --) return ;; # what comes next is another program's
    {"|".join(WORDS)}) command=$word; break ;;
    esac
  done
  case $previous in
  --profile|use|bind|remove) words=$(keyturn profile list --names 2>/dev/null) ;;
{values}
  {"|".join(_FILES)}) return ;; # bash completes files by itself
  *)
    case $command in
{cases}
    esac ;;
  esac
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _keyturn keyturn"""


def zsh() -> str:
    """For zsh, with its own completion system."""
    commands = "\n".join(f"    {_quoted(f'{name}:{COMMANDS[name].summary}')}" for name in WORDS)
    cases = "\n".join(f"    {name}) words=({' '.join(_words(COMMANDS[name]))}) ;;" for name in WORDS)
    values = "\n".join(
        f"  {name}) compadd -- {' '.join(words)}; return ;;" for name, words in _values().items()
    )
    return f"""\
#compdef keyturn
_keyturn() {{
  local -a commands words_here
  local command= word
  commands=(
{commands}
  )
  for word in ${{words[2,CURRENT-1]}}; do
    [[ $word == -- ]] && {{ _normal; return }}
    (( ${{commands[(I)$word:*]}} )) && {{ command=$word; break }}
  done
  case $words[CURRENT-1] in
  --profile|use|bind|remove) compadd -- ${{(f)"$(keyturn profile list --names 2>/dev/null)"}}; return ;;
{values}
  {"|".join(_FILES)}) _files; return ;;
  esac
  if [[ -z $command ]]; then
    _describe command commands
    compadd -- {" ".join(_options(COMMANDS[SESSION]))}
    return
  fi
  case $command in
{cases.replace("words=(", "words_here=(")}
  esac
  compadd -- $words_here
  _files
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _keyturn "$@"; else compdef _keyturn keyturn; fi"""


def fish() -> str:
    """For fish."""
    lines = ["complete -c keyturn -e"]
    nothing_yet = f"not __fish_seen_subcommand_from {' '.join(WORDS)}"
    lines += [
        f"complete -c keyturn -f -n {_quoted(nothing_yet)} -a {name} -d {_quoted(COMMANDS[name].summary)}"
        for name in WORDS
    ]
    lines += [_fish_option(action, "") for action in _actions(COMMANDS[SESSION]) if action.option_strings]
    for name in WORDS:
        seen = f" -n {_quoted(f'__fish_seen_subcommand_from {name}')}"
        for action in _actions(COMMANDS[name], common=False):
            if action.option_strings:
                lines.append(_fish_option(action, seen))
            elif action.choices:
                lines.append(f"complete -c keyturn -f{seen} -a '{' '.join(map(str, action.choices))}'")
    return "\n".join(lines)


def _fish_option(action: Action, seen: str) -> str:
    values = {name: f" -x -a '{' '.join(words)}'" for name, words in _values().items()}
    values["--profile"] = " -x -a '(keyturn profile list --names 2>/dev/null)'"
    name = next(option for option in action.option_strings if option.startswith("--"))
    value = values.get(name, "" if action.nargs == 0 else " -r")
    return f"complete -c keyturn{seen} -l {name[2:]}{value} -d {_quoted(action.help or '')}"


def _words(command: Command) -> list[str]:
    """Everything that may come after a command: its choices and its options; for none, the commands."""
    if command.name == SESSION:
        return [*WORDS, PRINT, "--help", "--version", *_options(command)]
    choices = [
        str(word)
        for action in _actions(command)
        if not action.option_strings
        for word in action.choices or ()
    ]
    return [*choices, *_options(command), "--help"]


def _options(command: Command) -> list[str]:
    return [name for action in _actions(command) for name in action.option_strings if name.startswith("--")]


def _actions(command: Command, *, common: bool = True) -> Sequence[Action]:
    from keyturn.cli.dispatch import parser_of

    return parser_of(command, 80).actions(common=common)


def _values() -> dict[str, Sequence[str]]:
    """The options that take one of a few words, with these; an option means the same with every command."""
    found: dict[str, Sequence[str]] = {
        name: [str(word) for word in action.choices]
        for command in COMMANDS.values()
        for action in _actions(command)
        if action.choices
        for name in action.option_strings
    }
    return found | {"--source": _sources(), "--require-billing": _billing()}


def _sources() -> list[str]:
    from keyturn.order import ORDER

    return list(dict.fromkeys(source.id for sources in ORDER.values() for source in sources))


def _billing() -> tuple[str, ...]:
    from keyturn.values import BILLING

    return BILLING


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)

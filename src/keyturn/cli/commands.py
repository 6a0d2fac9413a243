"""The commands, as data: where each lies, what it is for, and the examples that its help begins with."""

from __future__ import annotations

from keyturn.values import Value

PRINT = "-p"
SESSION = "session"  # no word of the command line: it is what `keyturn` alone starts


class Command(Value):
    """One command; `examples` are pairs of what to type and what that does."""

    __slots__ = ("examples", "module", "name", "summary")
    examples: tuple[tuple[str, str], ...]
    module: str
    name: str
    summary: str


def _command(name: str, module: str, summary: str, *examples: tuple[str, str]) -> Command:
    return Command(name=name, module=module, summary=summary, examples=examples)


_ALL = (
    _command(
        SESSION,
        "keyturn.cli.talk",
        "talk to Claude",
        ("keyturn", "a session; it logs in first if nothing else is there"),
        ("keyturn --model NAME", "with another model"),
        ("echo Hello | keyturn", "without a terminal: as keyturn -p"),
    ),
    _command(
        PRINT,
        "keyturn.cli.ask",
        "ask Claude once and print the answer",
        ("keyturn -p 'Why is the sky blue?'", "the answer goes to standard output"),
        ("git diff | keyturn -p 'Review this'", "the text and standard input, joined"),
        ("keyturn -p --model NAME 'Hello'", "with another model"),
        ("keyturn -p --json 'Hello'", "for programs: model, text, stop_reason"),
    ),
    _command(
        "login",
        "keyturn.cli.login",
        "log in, or store an API key",
        ("keyturn login", "in the browser; asks for what is not configured"),
        ("keyturn login --issuer https://auth.example.com", "at an authority"),
        ("keyturn login --device", "with a code that you type on another device"),
        ("keyturn login --no-browser", "with a code that you paste here"),
        ("keyturn login --profile work", "a second login, beside the first"),
        ("keyturn login --with-api-key < key.txt", "store an API key"),
        ("keyturn login --route bedrock", "use Amazon Bedrock; or vertex, for Google"),
        ("keyturn login --from-json - < login.json", "store a login that was made elsewhere"),
    ),
    _command(
        "logout",
        "keyturn.cli.logout",
        "revoke and remove a login",
        ("keyturn logout", "of the profile in use"),
        ("keyturn logout --profile work", "of another one"),
        ("keyturn logout --all", "of every profile"),
    ),
    _command(
        "status",
        "keyturn.cli.status",
        "which credential is used, and for how long",
        ("keyturn status", "what is used now"),
        ("keyturn status --verify", "and whether the server takes it"),
        ("keyturn status --expires-within 7d", "exit 4 if the login ends sooner"),
        ("keyturn status --json", "for programs"),
    ),
    _command(
        "explain",
        "keyturn.cli.explain",
        "every source that was looked at, and why one wins",
        ("keyturn explain", "the whole list"),
        ("keyturn explain --source stored-login", "as if that source were pinned"),
        ("keyturn explain --json", "for programs"),
    ),
    _command(
        "token",
        "keyturn.cli.token",
        "print the secret, for programs",
        ("keyturn token", "the secret and a line break"),
        ("keyturn token --header | curl -H @- https://…", "as headers"),
        ("keyturn token --min-ttl 10m", "with ten minutes to live, or exit 4"),
        ("keyturn token --json", "with its expiry and audience"),
    ),
    _command(
        "run",
        "keyturn.cli.run",
        "run a program with the credential it needs",
        ("keyturn run -- python program.py", "any program that speaks to Claude"),
        ("keyturn run --profile work -- CMD", "with another login"),
    ),
    _command(
        "profile",
        "keyturn.cli.profile",
        "list and choose the named logins",
        ("keyturn profile list", "all of them; the chosen one is marked"),
        ("keyturn profile use work", "choose one for everywhere"),
        ("keyturn profile bind work ~/job", "choose one below a directory"),
        ("keyturn profile bind --none ~/job", "not any more"),
        ("keyturn profile remove work", "forget its configuration"),
    ),
    _command(
        "trust",
        "keyturn.cli.trust",
        "let a project's settings count, after a look at what they do",
        ("keyturn trust", "of the working directory; shows everything, then asks"),
        ("keyturn trust --yes DIR", "without being asked, for automation"),
        ("keyturn trust --list", "every project that is trusted"),
        ("keyturn trust --json DIR", "what would be trusted, for programs"),
    ),
    _command(
        "untrust",
        "keyturn.cli.untrust",
        "take that back",
        ("keyturn untrust", "for the working directory"),
        ("keyturn untrust DIR", "for another one, also when it is gone"),
    ),
    _command(
        "doctor",
        "keyturn.cli.doctor",
        "what is wrong on this machine, and what repairs it",
        ("keyturn doctor", "looks, and changes nothing"),
        ("keyturn doctor --network", "and whether the servers answer"),
        ("keyturn doctor --json", "for programs"),
    ),
    _command(
        "sandbox",
        "keyturn.cli.sandbox",
        "a whole Claude side on this machine, to try things with",
        ("keyturn sandbox", "runs until Ctrl-C and prints what to paste"),
        ("keyturn sandbox --lifetime 1m", "with tokens that live a minute"),
    ),
    _command(
        "demo",
        "keyturn.cli.demo",
        "the whole story against a sandbox, in under a minute",
        ("keyturn demo", "needs no account"),
    ),
    _command(
        "completion",
        "keyturn.cli.completion",
        "completion for a shell",
        ('eval "$(keyturn completion bash)"', "in ~/.bashrc; zsh: in ~/.zshrc"),
        ("keyturn completion fish | source", "in config.fish"),
    ),
)
COMMANDS: dict[str, Command] = {command.name: command for command in _ALL}
WORDS = tuple(name for name in COMMANDS if name not in (PRINT, SESSION))

#!/usr/bin/env python3
"""Runs the commands that a document shows, and writes into it what they print.

    scripts/document-cli.py [--check] [DOCUMENT ...]

The documents are docs/cli.md and README.md, where none is named. Of each, every line `$ COMMAND`
in a block marked ```console is typed into one shell, in order, in an empty home; lines `> ...`
below it belong to it. What is printed takes the place of what stood there. With --check nothing is
written: it says what is printed in another shape than what is shown, and ends with 1 if anything
is. Numbers, ids, times, the width of columns and the order of nodes are no part of a shape.

It all happens in a network namespace, so that the usual ports are free and servers can have
addresses from 10.0.0.1 to 10.0.0.5; where the machine forbids that, other ports stand in for them.
The programs are those that DOOZER and DOOZERD name, else those in target/debug.

Comments in a document, each on a line of its own, say what a reader does besides:

    <!-- server: FLAGS -->      a doozerd with these flags runs from here to the end
    <!-- run: COMMAND -->       is typed, and neither it nor what it prints is shown
    <!-- terminal: WORDS -->    the next block is typed in another terminal, where its last command
                                may go on until the block behind it is done: then Ctrl-C ends it
        until=TEXT              the reader goes on once it printed this
        stays                   it is ended at <!-- stop -->, or at the end
        as-is                   what it prints is neither compared nor written
    <!-- stop -->               ends all those terminals
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT = ["docs/cli.md", "README.md"]
INSIDE = "DOCUMENT_CLI_INSIDE"
HOME_SHOWN = "/srv/ops"
HOST_SHOWN = "here"
ADDRESSES = [f"10.0.0.{n}:8046" for n in range(1, 6)]
NEAR = [f"127.0.0.1:{port}" for port in (8046, 8047, 8048)]
LOCAL = NEAR[0]
# How long one command may take, and after how much silence one that goes on has said all for now.
SECONDS_MAX = 60
QUIET_SECONDS = 0.7

# What a shell of the document does: it reads commands that end with a zero byte, and says with which
# status each of them ended.
LOOP = r"""
status=0
while IFS= read -r -d '' -u 9 line; do
    (exit $status)
    eval "$line" 9<&-
    status=$?
    printf '\0%s\0' $status
done
"""


class Shell:
    """One terminal."""

    def __init__(self, reader):
        read, self.commands = os.pipe()
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec 9<&{read} {read}<&-; {LOOP}"],
            pass_fds=[read],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=reader.home,
            env=reader.environment,
            start_new_session=True,
        )
        os.close(read)
        self.printed = b""
        self.last = time.monotonic()
        self.changed = threading.Condition()
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        while more := os.read(self.process.stdout.fileno(), 1 << 16):
            with self.changed:
                self.printed += more
                self.last = time.monotonic()
                self.changed.notify_all()
        with self.changed:
            self.process.wait()
            self.changed.notify_all()

    def type(self, command):
        os.write(self.commands, command.encode() + b"\0")

    def run(self, command):
        """What a command prints, once it has ended."""
        self.type(command)
        with self.changed:
            if not self.changed.wait_for(lambda: self.printed.count(b"\0") >= 2, SECONDS_MAX):
                fail(f"`{command}` does not end; it printed:\n{self.taken()}")
        self.quiet(0.05)
        return self.taken()

    def quiet(self, seconds=QUIET_SECONDS):
        """Waits until nothing was printed for a while."""
        begin = time.monotonic()
        while (now := time.monotonic()) - max(self.last, begin) < seconds:
            time.sleep(min(0.02, seconds))
            if now - begin > SECONDS_MAX:
                fail("a terminal is never quiet")

    def wait_for(self, text):
        with self.changed:
            if not self.changed.wait_for(lambda: text.encode() in self.printed, SECONDS_MAX):
                fail(f"never printed {text!r}, but:\n{self.taken()}")

    def taken(self):
        """What was printed since it was asked last."""
        with self.changed:
            printed, self.printed = self.printed, b""
        return re.sub(rb"\0\d+\0", b"", printed).decode(errors="replace")

    def end(self):
        """Ctrl-C, and the window closed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                with self.changed:
                    if self.changed.wait_for(lambda: self.process.poll() is not None, 10):
                        break
            except ProcessLookupError:
                break
        os.close(self.commands)


class Reader:
    """Somebody who does what a document says."""

    def __init__(self, isolated, text):
        self.folder = tempfile.mkdtemp(prefix="document-cli-")
        self.home = os.path.join(self.folder, "home")
        programs = os.path.join(self.folder, "programs")
        os.makedirs(self.home)
        os.makedirs(programs)
        for name in ("doozer", "doozerd"):
            built = os.path.join(TOP, "target", "debug", name)
            built = os.path.abspath(os.environ.get(name.upper(), built))
            if not os.access(built, os.X_OK):
                fail(f"{built} is no program: build it, or name another with {name.upper()}")
            os.symlink(built, os.path.join(programs, name))
        if "$ scripts/" in text:
            os.symlink(os.path.join(TOP, "scripts"), os.path.join(self.home, "scripts"))
        self.isolated = isolated
        self.places = {}
        if not isolated:
            near, *far = free_ports(len(NEAR), *[1] * len(ADDRESSES))
            ports = [*range(near, near + len(NEAR)), *far]
            self.places = {
                at: f"127.0.0.1:{port}" for at, port in zip([*NEAR, *ADDRESSES], ports)
            }
        self.environment = {
            "HOME": self.home,
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "DOOZER": os.path.join(programs, "doozer"),
            "DOOZERD": os.path.join(programs, "doozerd"),
        }
        if not isolated:
            self.environment["DOOZER_URI"] = self.places[LOCAL]
            # For scripts/cluster.sh.
            self.environment["CLUSTER_PORT"] = str(near)
            self.environment["CLUSTER_WEB_PORT"] = str(free_ports(len(NEAR))[0])
        self.servers = []
        self.terminals = []
        self.shell = Shell(self)

    def placed(self, command):
        """A command with the addresses that stand in for those it names, or does not name."""
        if not self.isolated:
            command = command.replace("unset DOOZER_URI", f"export DOOZER_URI={LOCAL}")
        for at, place in self.places.items():
            command = command.replace(at, place)
        if not self.isolated and re.match(r"doozerd( |$)", command) and " -l " not in command:
            command += f" -l {self.places[LOCAL]} -w false"
        return command

    def shown(self, printed):
        """What the document shows of what was printed."""
        for at, place in self.places.items():
            printed = printed.replace(place, at)
        printed = printed.replace(self.home, HOME_SHOWN)
        if not self.isolated:
            printed = re.sub(rf"\b{re.escape(socket.gethostname())}\b", HOST_SHOWN, printed)
        return [line.rstrip() for line in printed.splitlines()]

    def serve(self, flags):
        folder = os.path.join(self.folder, f"server-{len(self.servers)}")
        os.makedirs(folder)
        with open(os.path.join(folder, "log"), "wb") as log:
            server = subprocess.Popen(
                shlex.split(self.placed(f"doozerd {flags}")),
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.servers.append(server)
        deadline = time.monotonic() + SECONDS_MAX
        while b"serving" not in (said := open(log.name, "rb").read()):
            if server.poll() is not None or time.monotonic() > deadline:
                fail(f"doozerd {flags} does not serve:\n{said.decode()}")
            time.sleep(0.02)

    def stop(self):
        for terminal in self.terminals:
            terminal.end()
        self.terminals = []

    def leave(self):
        self.stop()
        self.shell.end()
        for server in self.servers:
            server.kill()
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Block:
    """The commands of one block and what stands below each, in lines."""

    def __init__(self, lines):
        self.commands = []
        for line in lines:
            if line.startswith("$ "):
                self.commands.append(([line], []))
            elif self.commands and line.startswith("> ") and not self.commands[-1][1]:
                self.commands[-1][0].append(line)
            elif self.commands:
                self.commands[-1][1].append(line)
            else:
                fail(f"a block begins with no command, but with {line!r}")

    @staticmethod
    def typed(lines):
        return "\n".join(line[2:] for line in lines)

    def run(self, reader):
        results = []
        for lines, _ in self.commands:
            printed = reader.shell.run(reader.placed(self.typed(lines)))
            results.append(reader.shown(printed))
        return results

    def start(self, reader, words):
        """Types all in another terminal."""
        terminal = Shell(reader)
        results = []
        for lines, _ in self.commands[:-1]:
            results.append(reader.shown(terminal.run(reader.placed(self.typed(lines)))))
        terminal.type(reader.placed(self.typed(self.commands[-1][0])))
        until = [word.removeprefix("until=") for word in words if word.startswith("until=")]
        for text in until:
            terminal.wait_for(text)
        if not until:
            terminal.quiet()
        return terminal, results


def run_document(text, reader):
    """The document's lines, with what was printed in place; what has another shape."""
    lines = text.split("\n")
    out, differences = [], []
    words, going = None, []
    at = 0

    def put(place, block, results, as_is=False):
        new = []
        for (typed, old), result in zip(block.commands, results):
            if as_is:
                result = old
            elif shape(old) != shape(result):
                differences.append((Block.typed(typed), old, result))
            new += typed + result
        out[place] = new

    while at < len(lines):
        line = lines[at]
        out.append([line])
        at += 1
        if comment := re.fullmatch(r"<!-- (server|run|terminal|stop)(?:: (.*))? -->", line):
            kind, rest = comment.groups()
            if kind == "server":
                reader.serve(rest or "")
            elif kind == "run":
                reader.shell.run(reader.placed(rest))
            elif kind == "terminal":
                words = shlex.split(rest or "")
            else:
                reader.stop()
        elif line == "```console":
            end = lines.index("```", at)
            block = Block(lines[at:end])
            out.append([])
            place, at = len(out) - 1, end
            if words is not None:
                terminal, results = block.start(reader, words)
                if "stays" in words:
                    reader.terminals.append(terminal)
                    put(place, block, [*results, reader.shown(terminal.taken())], "as-is" in words)
                else:
                    going.append((place, block, terminal, results, "as-is" in words))
                words = None
                continue
            put(place, block, block.run(reader))
            for place, block, terminal, results, as_is in going:
                terminal.quiet()
                printed = terminal.taken()
                terminal.end()
                put(place, block, [*results, reader.shown(printed)], as_is)
            going = []
    if going:
        fail("no block follows the last one that is typed in another terminal")
    return "\n".join(line for part in out for line in part), differences


def shape(lines):
    """What has to be the same each time."""
    shaped = []
    for line in lines:
        line = re.sub(r"\b(?=[A-Z]*\d|[A-Z]{16})[A-Z2-7]{16}\b", "ID", line)
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        line = re.sub(r"[0-9][0-9.,]*", "0", line)
        line = re.sub(r"\b0 ?(ns|µs|us|ms|s)\b", "0s", line)
        line = re.sub(r"[-─]{3,}", "---", line)
        line = re.sub(r"[█▏▎▍▌▋▊▉#=]{2,}", "=", line)
        shaped.append(re.sub(r" +", " ", line).strip())
    # Nodes stand in the order of their ids.
    begin = 0
    for at, line in enumerate([*shaped, ""]):
        if not line.startswith("ID "):
            shaped[begin:at] = sorted(shaped[begin:at])
            begin = at + 1
    return shaped


def free_ports(*lengths):
    """The first port of a row of so many free ones, for each of the lengths."""
    firsts, held = [], []
    for length in lengths:
        while True:
            row = [socket.socket() for _ in range(length)]
            held += row
            try:
                row[0].bind(("127.0.0.1", 0))
                first = row[0].getsockname()[1]
                for offset, listener in enumerate(row[1:], 1):
                    listener.bind(("127.0.0.1", first + offset))
            except (OSError, OverflowError):
                continue
            firsts.append(first)
            break
    for listener in held:
        listener.close()
    return firsts


def fail(message):
    raise SystemExit(f"document-cli: {message}")


def enter_namespace():
    """Starts this program again in a network of its own, where that is allowed."""
    if INSIDE in os.environ:
        hosts = [at.split(":")[0] for at in ADDRESSES]
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for host in hosts:
            subprocess.run(["ip", "address", "add", f"{host}/32", "dev", "lo"], check=True)
        socket.sethostname(HOST_SHOWN)
        return True
    unshare = ["unshare", "--map-root-user", "--net", "--uts"]
    works = shutil.which("unshare") and shutil.which("ip")
    probe = [*unshare, "ip", "link", "set", "lo", "up"]
    if works and subprocess.run(probe, capture_output=True).returncode == 0:
        os.environ[INSIDE] = "1"
        os.execvp(unshare[0], [*unshare, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])
    return False


def main():
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return
    isolated = enter_namespace()
    check = "--check" in arguments
    documents = [name for name in arguments if name != "--check"]
    differ = 0
    for name in documents or [os.path.join(TOP, name) for name in DEFAULT]:
        with open(name, encoding="utf-8") as file:
            text = file.read()
        reader = Reader(isolated, text)
        try:
            new, differences = run_document(text, reader)
        finally:
            reader.leave()
        for command, old, result in differences:
            print(f"{name}: $ {command}\n  shown:\n{indent(old)}\n  printed:\n{indent(result)}")
        if not check and new != text:
            with open(name, "w", encoding="utf-8") as file:
                file.write(new)
        differ += len(differences)
    if check and differ:
        fail(f"{differ} commands print something of another shape than what is shown")


def indent(lines):
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    main()

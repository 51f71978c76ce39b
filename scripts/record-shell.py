#!/usr/bin/env python3
"""Draws docs/shell.svg: a session of `doozer shell` at a real terminal, against a real server.

Usage: scripts/record-shell.py [FOLDER_OF_PROGRAMS]   (target/debug)
Needs nothing but Python. What is drawn is what the programs print, with their colours.
"""

import fcntl
import html
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

COLUMNS, ROWS = 88, 30
WITHIN_SECONDS = 20
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PICTURE = os.path.join(ROOT, "docs", "shell.svg")

ENTER, TAB, CTRL_D = "\r", "\t", "\x04"
# Keys, and what the screen shows before the next ones are pressed. A function is called instead.
SESSION = [
    ("", "local:/>"),
    ("put /app/db/host db-1" + ENTER, "local:/>"),
    ("put /app/db/port 5432" + ENTER, "local:/>"),
    ("put /app/motd 'Be kind.'" + ENTER, "local:/>"),
    ("cd ap" + TAB, "cd app/"),
    (ENTER, "local:/app>"),
    ("ls -l" + ENTER, "local:/app>"),
    ("watch /app/** &" + ENTER, "local:/app>"),
    ("get db/", "get db/"),
    (lambda outside: outside("put", "/app/db/host", "db-2"), "db-2"),
    ("h" + TAB, "get db/host"),
    (ENTER, "local:/app>"),
    ("walk /app/** -o json | jq -c '.[] | {path, value}'" + ENTER, "local:/app>"),
    ("put motd <<END" + ENTER, ""),
    ("Welcome to $(get db/host)." + ENTER, ""),
    ("END" + ENTER, "local:/app>"),
    ("gte motd" + ENTER, "[127]>"),
    ("set motd ", "REV"),
]

FOREGROUND, BACKGROUND, DIM = "#d8dee9", "#1d2330", "#7b8596"
COLOURS = {
    "31": "#e06c75", "32": "#8fbf6a", "33": "#d7ad5e", "34": "#6aa8e8",
    "35": "#c58ad9", "36": "#5fb8bd",
}


class Screen:
    """The cells of a terminal, each a character and a style, as far as a line editor uses them."""

    def __init__(self):
        self.rows, self.row, self.column, self.style = [], 0, 0, ()

    def show(self, text):
        pattern = r"\x1b\[([0-9;?]*)([@-~])|\x1b.|(.)"
        for match in re.finditer(pattern, text, re.DOTALL):
            numbers, letter, char = match.groups()
            if letter:
                self.move(numbers, letter)
            elif char == "\r":
                self.column = 0
            elif char == "\n":
                self.row += 1
            elif char == "\b":
                self.column = max(0, self.column - 1)
            elif char and char >= " ":
                self.put(char)

    def line(self):
        while len(self.rows) <= self.row:
            self.rows.append([])
        return self.rows[self.row]

    def put(self, char):
        if self.column == COLUMNS:
            self.row, self.column = self.row + 1, 0
        line = self.line()
        line.extend([(" ", ())] * (self.column + 1 - len(line)))
        line[self.column] = (char, self.style)
        self.column += 1

    def move(self, numbers, letter):
        count = int(numbers) if numbers.isdigit() else 1
        if letter == "A":
            self.row = max(0, self.row - count)
        elif letter == "B":
            self.row += count
        elif letter == "C":
            self.column += count
        elif letter == "D":
            self.column = max(0, self.column - count)
        elif letter == "K":
            del self.line()[self.column:]
        elif letter == "J":
            del self.line()[self.column:]
            del self.rows[self.row + 1:]
        elif letter == "H":
            self.row = self.column = 0
        elif letter == "m":
            codes = [code for code in numbers.split(";") if code not in ("", "0")]
            self.style = tuple(codes)

    def text(self):
        return "\n".join("".join(char for char, _ in row).rstrip() for row in self.rows)

    def current(self):
        return "".join(char for char, _ in self.line())


def free_address():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % listener.getsockname()[1]


def wait_until(what, is_so, meanwhile):
    deadline = time.monotonic() + WITHIN_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            sys.exit("record-shell: waited in vain for %s" % what)
        meanwhile()


class Shell:
    """`doozer shell` at a terminal."""

    def __init__(self, program, environment):
        self.screen, self.unread = Screen(), b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execve(program, ["doozer", "shell"], environment)
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)

    def read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        self.unread += os.read(self.terminal, 65536)
        text = self.unread.decode(errors="ignore")
        # A sequence that goes on is read with the next piece.
        cut = re.search(r"\x1b(\[[0-9;?]*)?$", text)
        whole = text[:cut.start()] if cut else text
        self.unread = self.unread[len(whole.encode()):]
        self.screen.show(whole)
        return True

    def rest(self):
        """Reads until nothing more comes."""
        while self.read(0.4):
            pass

    def press(self, keys):
        # As people do: a line editor reads a burst as one paste.
        for key in keys:
            os.write(self.terminal, key.encode())
            self.read(0.02)


def play(shell, outside):
    for keys, shown in SESSION:
        if callable(keys):
            keys(outside)
            wait_until(shown, lambda: shown in shell.screen.text(), lambda: shell.read(0.1))
        else:
            shell.press(keys)
            shell.rest()
            wait_until(shown, lambda: shown in shell.screen.current(), lambda: shell.read(0.1))
        shell.rest()


def style_of(style):
    fill = next((COLOURS[code] for code in style if code in COLOURS), None)
    fill = fill or (DIM if "2" in style else None)
    parts = []
    if fill:
        parts.append('fill="%s"' % fill)
    if "1" in style:
        parts.append('font-weight="bold"')
    return " ".join(parts)


def runs(row):
    """The pieces of a row that have one style: where they begin, their text, the style."""
    begin = 0
    for index in range(1, len(row) + 1):
        if index == len(row) or row[index][1] != row[begin][1]:
            yield begin, "".join(char for char, _ in row[begin:index]), row[begin][1]
            begin = index


def draw(screen):
    width, height, left, top = 8.4, 19, 16, 46
    total = (left * 2 + COLUMNS * width, top + len(screen.rows) * height + 8)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" '
        'viewBox="0 0 %.0f %.0f">' % (total * 2),
        "<title>A session of doozer shell</title>",
        '<rect width="100%%" height="100%%" rx="8" fill="%s"/>' % BACKGROUND,
    ]
    for index, colour in enumerate(("#e06c75", "#d7ad5e", "#8fbf6a")):
        lines.append('<circle cx="%d" cy="18" r="6" fill="%s"/>' % (22 + 20 * index, colour))
    lines.append(
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', '
        'monospace" font-size="14" fill="%s" xml:space="preserve">' % FOREGROUND
    )
    for number, row in enumerate(screen.rows):
        y = top + number * height
        for begin, text, style in runs(row):
            if text.strip():
                # Each run is as wide as its cells, whatever font the reader has.
                lines.append(
                    '<text x="%.1f" y="%d" textLength="%.1f" %s>%s</text>'
                    % (left + begin * width, y, len(text) * width, style_of(style),
                       html.escape(text, quote=False))
                )
    x, y = left + screen.column * width, top + screen.row * height - 14
    lines.append('<rect x="%.1f" y="%d" width="%.1f" height="18" opacity=".7"/>' % (x, y, width))
    lines.append("</g>\n</svg>\n")
    return "\n".join(lines)


def record(programs, folder):
    address = free_address()
    environment = {
        "DOOZER_URI": "doozer:?ca=" + address,
        "HOME": folder,
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
    }
    doozer = os.path.join(programs, "doozer")
    server = subprocess.Popen(
        [os.path.join(programs, "doozerd"), "-l", address, "-w", "false", "-c", "local",
         "-pulse", "1000000", "--data-dir", os.path.join(folder, "data")],
        env=environment, cwd=folder, stderr=subprocess.DEVNULL,
    )

    def outside(*words):
        run = [doozer, *words]
        return subprocess.run(run, env=environment, capture_output=True, check=False).returncode

    shell = None
    try:
        wait_until("the server", lambda: outside("nop") == 0, lambda: time.sleep(0.1))
        shell = Shell(doozer, environment)
        play(shell, outside)
        return draw(shell.screen)
    finally:
        if shell:
            os.kill(shell.child, 15)
            os.waitpid(shell.child, 0)
        server.terminate()
        server.wait()


def main():
    programs = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "target", "debug")
    with tempfile.TemporaryDirectory() as folder:
        picture = record(os.path.abspath(programs), folder)
    with open(PICTURE, "w", encoding="utf-8") as file:
        file.write(picture)


main()

"""Programs that behave as devices do, and the actions that a profile gives for them."""

PHONE = """
import sys
print("\\x1b[32mready\\x1b[0m", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "quit":
        sys.exit(3)
    elif word == "dial":
        print("noise\\nok dial", *rest, flush=True)
    elif word == "ask":
        print("call: 4711 state: up", flush=True)
    else:
        print("error", word, "unknown", flush=True)
"""
STDIN_ACTIONS = {
    "dial": [{"send": "dial {uri} {line} {user}"}, {"expect": "^ok dial {uri} "}],
    "hold": [{"send": "hold"}, {"expect": "ok", "unless": "error"}],
    "transfer": [{"send": "{uri}"}, {"expect": "never", "unless": "error"}],
    "resume": [{"send": "nothing"}, {"expect": "ok", "timeout_s": 0.01}],
    "hangup": [{"send": "quit"}, {"expect": "ok"}],
    "conference": [{"send": "ask {uri}"}, {"capture": r"call: (?P<call>\d+) state: (?P<state>\w+)"}],
}
SOCKET_PHONE = """
import json, socket, sys
kind, where = sys.argv[1:]
if kind == "unix":
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
else:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(where)))
listener.listen()
connection, _ = listener.accept()
stream = connection.makefile("rwb")
while True:
    length = b""
    while (sign := stream.read(1)).isdigit():
        length += sign
    if not length:
        break
    command = json.loads(stream.read(int(length)))
    stream.read(1)
    answer = json.dumps({"ok": command["command"] == "dial", "token": command["token"]}).encode()
    event = b'{"event":true}'
    stream.write(b"%d:%s,%d:%s," % (len(event), event, len(answer), answer))
    stream.flush()
"""
SOCKET_ACTIONS = {
    name: [
        {"send": f'{{"command":"{name}","token":"{{serial}}"}}'},
        {"expect": '"ok": true, "token": "{serial}"', "unless": '"ok": false, "token": "{serial}"'},
    ]
    for name in ("dial", "hold")
}


ASKED_PHONE = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
stream = listener.accept()[0].makefile("rw")
events = ["ringing 3", "nothing", "held 7", "held 8"]
for line in stream:
    word, *rest = line.split()
    if word == "event":
        answer = events.pop(0) if events else "nothing"
    elif word == "key":
        print("sent", *rest, flush=True)
        answer = "taken"
    elif word == "prompt":
        stream.write("busy>")
        stream.flush()
        continue
    else:
        answer = line.strip()
    stream.write(answer + "\\n")
    stream.flush()
"""
ASKED_ACTIONS = {
    "resume": [
        {"send": "event"},
        {"capture": "^held (?P<call>[0-9]+)$", "again": "^nothing$|^ringing", "timeout_s": 0.5},
        {"send": "resume {call}"},
        {"expect": "^resume {call}$"},
    ],
    "reregister": [{"send": "prompt"}, {"expect": "busy>busy>busy>", "again": "busy>$", "timeout_s": 5}],
    "dtmf": [{"send": "key {digit}"}, {"expect": "^taken"}, {"expect": "^sent {digit}$", "where": "output"}],
}


CLOCKS = """
import subprocess, sys, threading, time
began = time.monotonic()
# A child, and a wait with a limit in another thread, as programs have them.
child = subprocess.run([sys.executable, "-S", "-c", "import time; print(time.time())"], capture_output=True, text=True)
lock = threading.Condition()
with lock:
    lock.wait(0.05)
print("clock", time.time(), child.stdout.strip(), time.monotonic() - began, flush=True)
for line in sys.stdin:
    print("now", int(time.time()), flush=True)
"""

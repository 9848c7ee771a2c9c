"""imapwire - a client of port 143 that shows the lines as they are."""
import socket

MESSAGE = b'From: Ann <ann@example.org>\r\nSubject: One\r\n\r\nHello\r\n'


class Wire:
    """say() returns the lines up to the tagged answer, without its tag."""
    def __init__(self, user, password):
        self.sock = socket.create_connection(('127.0.0.1', 143), 60)
        self.file = self.sock.makefile('rwb')
        self.count = 0
        self.greeting = self.line()
        self.answer = self.say(f'LOGIN {user} "{password}"')

    def line(self):
        return self.file.readline().decode().rstrip('\r\n')

    def send(self, data):
        self.file.write(data if isinstance(data, bytes) else data.encode())
        self.file.flush()

    def until(self, tag):
        lines = [self.line()]
        while not lines[-1].startswith(tag + ' ') and (lines[-1] != '' or self.file.peek(1)):
            lines.append(self.line())
        return lines[:-1] + [lines[-1].removeprefix(tag + ' ')]

    def say(self, command):
        self.count += 1
        tag = f't{self.count}'
        self.send(tag.encode() + b' ' + (command if isinstance(command, bytes) else command.encode()) + b'\r\n')
        return self.until(tag)

    def append(self, folder, flags='', message=MESSAGE, plus='+'):
        head = f'APPEND {folder} {flags + " " if flags else ""}{{{len(message)}{plus}}}'
        if plus:
            return self.say(head.encode() + b'\r\n' + message)
        self.count += 1
        self.send(f't{self.count} {head}\r\n')
        asked = self.line()
        self.send(message + b'\r\n')
        return [asked] + self.until(f't{self.count}')


def ok(answer):
    return answer[-1].startswith('OK')

"""managesieve - a client of RFC 5804 for tests: it reads responses by the grammar
of section 4 and fails on what that does not have."""
import re, socket


class Broken(Exception):
    pass


class Response:
    def __init__(self, word, code, argument, text, data):
        self.word, self.code, self.argument, self.text, self.data = word, code, argument, text, data

    def __repr__(self):
        return f'{self.word} ({self.code} {self.argument}) {self.text!r} {self.data}'

    def is_(self, word, code=None):
        return self.word == word and self.code == code


def quoted(text):
    return b'"' + text.encode().replace(b'\\', b'\\\\').replace(b'"', b'\\"') + b'"'


def literal(text):
    text = text if isinstance(text, bytes) else text.encode()
    return b'{%d+}\r\n%s' % (len(text), text)


class Sieve:
    def __init__(self, s):
        s.settimeout(20)
        self.s, self.f = s, s.makefile('rb')

    @classmethod
    def connect(cls, host='127.0.0.1', port=4190, source=None):
        return cls(socket.create_connection((host, port), 20, (source, 0) if source else None))

    def close(self):
        self.f.close()
        self.s.close()

    def send(self, *parts):
        """A command: bytes as they are, text quoted, numbers in digits."""
        def part(p):
            return p if isinstance(p, bytes) else str(p).encode() if isinstance(p, int) else quoted(p)
        self.s.sendall(b' '.join(part(p) for p in parts) + b'\r\n')

    def raw(self, data):
        self.s.sendall(data)

    # ---- what the server says ----

    def string(self, line):
        """A string at the beginning of line; (its text, what is behind it)."""
        found = re.match(rb'"((?:[^"\\\r\n]|\\["\\])*)"', line)
        if found:
            if len(found[1]) > 1024:
                raise Broken('too long between quotes')
            return re.sub(rb'\\(.)', rb'\1', found[1]).decode(), line[found.end():]
        found = re.fullmatch(rb'\{(0|[1-9]\d*)\}\r\n', line)
        if not found:
            raise Broken(line)
        text = self.f.read(int(found[1]))
        if len(text) < int(found[1]):
            raise Broken('cut off')
        return text.decode(), self.f.readline()

    def response(self, line):
        found = re.match(rb'(OK|NO|BYE)(?= |\r\n)', line)
        word, rest = found[1].decode(), line[found.end():]
        code = argument = text = None
        found = re.match(rb' \(([A-Z/-]+)', rest)
        if found:
            code, rest = found[1].decode(), rest[found.end():]
            if rest[:1] == b' ':
                argument, rest = self.string(rest[1:])
            if rest[:1] != b')':
                raise Broken(rest)
            rest = rest[1:]
        if rest[:1] == b' ':
            text, rest = self.string(rest[1:])
        if rest != b'\r\n':
            raise Broken(rest)
        return word, code, argument, text

    def read(self):
        """The lines up to a response, and that."""
        data = []
        while True:
            line = self.f.readline()
            if not line.endswith(b'\r\n'):
                raise Broken(f'the end: {line}')
            if re.match(rb'(OK|NO|BYE)( |\r\n)', line):
                return Response(*self.response(line), data)
            items = []
            while True:
                if line.startswith(b'ACTIVE\r\n'):
                    text, line = True, line[6:]
                else:
                    text, line = self.string(line)
                items.append(text)
                if line == b'\r\n':
                    break
                if line[:1] != b' ':
                    raise Broken(line)
                line = line[1:]
            data.append(items)

    def ask(self, *parts):
        self.send(*parts)
        return self.read()

    def capabilities(self):
        """Of a greeting, or of CAPABILITY once it was asked for."""
        got = self.read()
        names = [name.upper() for name, *_ in got.data]
        if not got.is_('OK') or len(set(names)) < len(names):
            raise Broken(got)
        return {name.upper(): value[0] if value else None for name, *value in got.data}

    def is_over(self):
        return self.f.read() == b''

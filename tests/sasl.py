"""sasl - clients of SASL written for the tests: SCRAM by hand (RFC 5802, 7677),
and AUTH over a raw SMTP or POP3 connection."""
import base64, hashlib, hmac, os, socket


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Scram:
    def __init__(self, user, password, hash='sha256', nonce=None, gs2='n,,', binding=b''):
        self.user, self.password, self.hash, self.gs2, self.binding = user, password.encode(), hash, gs2, binding
        self.nonce = nonce or b64(os.urandom(18))
        self.bare = f'n={user.replace("=", "=3D").replace(",", "=2C")},r={self.nonce}'

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first):
        fields = dict(f.split('=', 1) for f in server_first.decode().split(','))
        assert fields['r'].startswith(self.nonce)
        self.salt, self.iterations = fields['s'], int(fields['i'])
        salted = hashlib.pbkdf2_hmac(self.hash, self.password, base64.b64decode(self.salt), self.iterations)
        sign = lambda key, text: hmac.new(key, text.encode(), self.hash).digest()
        client_key = sign(salted, 'Client Key')
        bare = f'c={b64(self.gs2.encode() + self.binding)},r={fields["r"]}'
        text = f'{self.bare},{server_first.decode()},{bare}'
        proof = xor(client_key, sign(hashlib.new(self.hash, client_key).digest(), text))
        self.verifier = b'v=' + b64(sign(sign(salted, 'Server Key'), text)).encode()
        return f'{bare},p={b64(proof)}'.encode()


class Wire:
    """Lines over a socket."""
    def __init__(self, port, host='127.0.0.1', source=None):
        self.s = socket.create_connection((host, port), 30, (source, 0) if source else None)
        self.f = self.s.makefile('rb')

    def close(self):
        self.f.close()
        self.s.close()

    def line(self):
        return self.f.readline().decode('latin-1').rstrip('\r\n')

    def reply(self):
        while True:
            line = self.line()
            if len(line) < 4 or line[3] != '-':
                return line

    def send(self, text):
        self.s.sendall((text + '\r\n').encode('latin-1'))

    def ask(self, text):
        self.send(text)
        return self.reply()

    def scram(self, client, mechanism, initial=True):
        """AUTH to the end; (last reply, was the server's signature right?)"""
        ask = self.ask
        if initial:
            got = ask(f'AUTH {mechanism} {b64(client.first())}')
        else:
            got = ask(f'AUTH {mechanism}')
            if got.rstrip() in ('334', '+'):
                got = ask(b64(client.first()))
        if not got.startswith(('334 ', '+ ')):
            return got, False
        got = ask(b64(client.final(base64.b64decode(got.split(' ', 1)[1]))))
        if not got.startswith(('334 ', '+ ')):
            return got, False
        is_right = base64.b64decode(got.split(' ', 1)[1]) == client.verifier
        return ask(''), is_right


def submission(host='127.0.0.1', source=None):
    wire = Wire(587, host, source)
    wire.reply()
    wire.ask('EHLO client.example')
    return wire

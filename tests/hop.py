"""hop - a next host for what is sent on: it takes mail and keeps what it was told."""
import socket, threading

from tap import wait_for


class Hop:
    def __init__(self, port, *words, rcpt='250 ok', nobody=None):
        """words: what its EHLO offers; rcpt: its reply to recipients; nobody: how those begin that it does not know."""
        self.commands, self.messages, self.pairs, self.rcpt, self.nobody = [], [], [], rcpt, nobody
        self.ehlo = '250-hop\r\n' + ''.join(f'250-{w}\r\n' for w in words) + '250 HELP\r\n'
        self.listener = socket.create_server(('127.0.0.1', port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        client.sendall(b'220 hop\r\n')
        lines, sender, recipients = client.makefile('rb'), '', []
        while line := lines.readline():
            verb, path = line[:4].upper(), line.decode().partition('<')[2].rpartition('>')[0]
            reply = '250 ok'
            self.commands.append(line.decode().rstrip())
            if verb == b'MAIL':
                sender, recipients = path, []
            elif verb == b'RCPT':
                reply = '550 5.1.1 nobody' if self.nobody and path.startswith(self.nobody) else self.rcpt
                recipients += [path] if reply[0] == '2' else []
            elif verb == b'DATA' and not recipients:
                reply = '554 5.5.1 nobody'
            elif verb == b'DATA':
                client.sendall(b'354 go\r\n')
                self.take(lines)
                self.pairs.append((sender, *recipients))
                reply = '250 2.0.0 kept'
            client.sendall(self.ehlo.encode() if verb == b'EHLO' else reply.encode() + b'\r\n')

    def take(self, lines):
        text = b''
        while (line := lines.readline()) not in (b'.\r\n', b''):
            text += line
        self.messages.append(text)

    def saw(self, word):
        return wait_for(lambda: [c for c in self.commands if word in c])

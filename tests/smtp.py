"""smtp - what tests of SMTP by hand share."""


def read_reply(file):
    """The lines of one reply, RFC 5321 section 4.2.1, or what came of it."""
    lines = []
    while True:
        line = file.readline()
        lines.append(line)
        if len(line) < 4 or line[3:4] != b'-':
            return b''.join(lines)

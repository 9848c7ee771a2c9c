"""pop - what tests of POP3 share."""
import poplib


def refused(act, *arguments):
    """What poplib was told instead of +OK; nothing if it was not refused."""
    try:
        act(*arguments)
    except poplib.error_proto as error:
        return str(error)
    return ''

"""What the launcher's modules share."""

import base64
import os

PAGE_SIZE = int(os.environ.get("SANDBOX_PAGE_SIZE") or 0)


def replaces(owner, name=None):
    """The decorated function becomes `owner`'s method of that name."""

    def put(function):
        setattr(owner, name or function.__name__, function)
        return function

    return put


def page(items, token, size):
    """The first `size` items from where the token says, and the token for the next part, if there is one."""
    sizes = [int(size) for size in (size, PAGE_SIZE) if size]
    start = position(token) if token else 0
    end = min([start + size for size in sizes] + [len(items)])
    return items[start:end], token_for(end) if end < len(items) else None


def token_for(position):
    return base64.b64encode(str(position).encode()).decode()


def position(token):
    """What `token_for` was given. ValueError for any other text."""
    return int(base64.b64decode(token, validate=True))

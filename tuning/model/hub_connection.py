"""Whether the Hub can be reached, found out before its libraries try for minutes."""

import functools
import os

_BECAUSE = "HUB_IS_OFFLINE_BECAUSE"  # in the environment, so that launched processes know it too


@functools.cache
def connect() -> None:
    """Finds out once whether the Hub can be reached; where it cannot, its libraries use what they have in their cache.

    They would retry each file for more than a minute. To be called before they are imported, since they read
    HF_HUB_OFFLINE when they are.
    """
    if not _is_told_offline() and (reason := unreachable()):
        os.environ["HF_HUB_OFFLINE"], os.environ[_BECAUSE] = "1", reason
        print(f"the Hub cannot be reached ({reason}): using what is in its cache")


def unreachable() -> str:
    """Why the Hub, or the mirror in its place, does not answer within five seconds; empty where it does."""
    import ssl
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if _is_told_offline():
        return "HF_HUB_OFFLINE is set"
    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        urlopen(Request(address, method="HEAD"), timeout=5).close()
    except HTTPError as error:  # it answers, if only to say that it cannot now
        return f"{address} answers {error.code}" if error.code in (500, 502, 503, 504) else ""
    except URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            return ""  # the Hub's libraries have certificates of their own
        return f"{address}: {error.reason}"
    except OSError as error:
        return f"{address}: {error}"
    return ""


def offline_because() -> str:
    """Why ``connect`` has decided to go on without the Hub; empty where it has not."""
    return os.environ.get(_BECAUSE, "")


def _is_told_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")

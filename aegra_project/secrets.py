from __future__ import annotations

import secrets
from pathlib import Path


def kept_secret_key(data_dir: Path) -> str:
    """Return the secret key kept in `data_dir`, making one at the first start.

    Read by every process of an installation, so that sessions outlive a restart; a
    deployment of several machines sets SECRET_KEY instead.
    """
    path = data_dir / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"secret_key.{secrets.token_hex(4)}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_urlsafe(50))
    try:
        # A hard link is made by one of several processes that start at once.
        path.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()

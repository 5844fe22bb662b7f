"""A real RabbitMQ of our own: loopback only, own node name, ports, cookie and data directory.

    with Broker(directory) as broker:              # started, ready for logins
        broker.url("nova")                         # rabbit://nova:secret@127.0.0.1:5xxxx//
        broker.stop(); broker.start()              # data is kept
        broker.rabbitmqctl("list_queues", "name", "messages")

Needs no system service and no fixed user: works as root and as an ordinary user. Everything it starts
(the node and its own epmd) is stopped by process id. Several can run side by side, and
`Broker(..., cluster=[first])` joins the first one's cluster.
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SCRIPTS = pathlib.Path("/usr/lib/rabbitmq/bin")
# configure, write, read: what an agent's user needs and nothing more (README, "How to deploy")
AGENT_PERMISSIONS = ("^nova_migration_agent", r"^(nova|amq\.default|nova_migration_agent.*)$",
                     "^(nova|nova_migration_agent.*)$")


def available():
    """True when the packages for a broker are installed."""
    return (SCRIPTS / "rabbitmq-server").exists() and shutil.which("epmd") is not None


def free_port():
    """A TCP port that was free a moment ago, below the ephemeral range so that no client takes it."""
    for port in range(20000 + os.getpid() * 7 % 9000, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in free_port.given:
                free_port.given.add(port)
                return port
    raise RuntimeError("no free port")


free_port.given = set()


class User:
    """A broker user; permissions are (configure, write, read) on `vhost`."""

    def __init__(self, name, password="secret", permissions=(".*", ".*", ".*"), vhost="/", tags=()):
        self.name, self.password, self.vhost = name, password, vhost
        self.permissions, self.tags = permissions, list(tags)


class Broker:
    """One RabbitMQ node. `directory` keeps its data; a temporary one is made (and removed) without it."""

    def __init__(self, directory=None, users=None, vhosts=("/",), name="rabbit", config="", tls=None,
                 cluster=()):
        """users: list of User (default: nova, all permissions). config: extra lines of rabbitmq.conf.
        tls: (ca, certificate, key) files adds a TLS listener, see tls_port. cluster: running brokers to join."""
        self._own_directory = directory is None
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="nma-broker-"))
        self.users = users if users is not None else [User("nova", tags=["administrator"])]
        self.vhosts, self.extra, self.tls, self.cluster = vhosts, config, tls, list(cluster)
        self.port, self.dist_port = free_port(), free_port()
        self.tls_port = free_port() if tls else None
        self.epmd_port = cluster[0].epmd_port if cluster else free_port()
        self.cookie = cluster[0].cookie if cluster else hashlib.sha256(os.urandom(16)).hexdigest()[:20]
        self.node = f"{name}-{self.port}@localhost"
        self.process = self._epmd = None

    # ---- life ----

    def start(self, timeout=90):
        """Starts the node and returns when it takes logins."""
        if self.process and self.process.poll() is None:
            return self
        self.dir.mkdir(parents=True, exist_ok=True)
        self._write_files()
        if not self.cluster and (self._epmd is None or self._epmd.poll() is not None):
            self._epmd = subprocess.Popen(
                ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._await_port(self.epmd_port, time.monotonic() + 10)
        with open(self.dir / "console.log", "ab") as console:
            self.process = subprocess.Popen([SCRIPTS / "rabbitmq-server"], env=self.environment(),
                                            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=console,
                                            stderr=console, start_new_session=True)
        deadline = time.monotonic() + timeout
        self._await_port(self.port, deadline)
        if self.cluster:
            self._join(deadline)
        return self

    def stop(self, timeout=30):
        """Stops the node as an operator would (connections are closed with 320); data is kept."""
        self._end(signal.SIGTERM, timeout)

    def kill(self):
        """The node dies as with kill -9."""
        self._end(signal.SIGKILL, 10)

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        """The node stops answering but its connections stay open (SIGSTOP); thaw() ends it."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.killpg(self.process.pid, signal.SIGCONT)

    def close(self):
        """Stops everything started here; removes a temporary directory."""
        if self.process:
            try:
                self.thaw()
            except ProcessLookupError:
                pass
            self._end(signal.SIGTERM, 20)
        if self._epmd:
            self._epmd.terminate()
            self._epmd.wait(10)
            self._epmd = None
        if self._own_directory:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # ---- use ----

    def url(self, user=None, vhost="/", port=None, query=""):
        """transport_url of a user (default: the first)."""
        user = next(u for u in self.users if user in (None, u.name))
        return f"rabbit://{user.name}:{user.password}@127.0.0.1:{port or self.port}/{vhost}{query}"

    def rabbitmqctl(self, *args, timeout=60):
        """Output of one rabbitmqctl command; CalledProcessError with its words when it fails."""
        done = subprocess.run([SCRIPTS / "rabbitmqctl", "-q", "-n", self.node, *map(str, args)],
                              env=self.environment(), cwd=self.dir, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        return done.stdout

    def listed(self, what, *columns, vhost="/"):
        """Rows of `rabbitmqctl list_<what>` as dictionaries, e.g. listed("queues", "name", "messages")."""
        scope = [] if what in ("connections", "channels") else ["-p", vhost]
        return json.loads(self.rabbitmqctl(f"list_{what}", *scope, "--formatter", "json", *columns) or "[]")

    def add_user(self, user):
        """Adds or replaces a user while the broker runs."""
        try:
            self.rabbitmqctl("add_user", user.name, user.password)
        except subprocess.CalledProcessError:
            self.rabbitmqctl("change_password", user.name, user.password)
        self.rabbitmqctl("set_permissions", "-p", user.vhost, user.name, *user.permissions)
        self.users = [u for u in self.users if u.name != user.name] + [user]

    def environment(self):
        """Environment in which RabbitMQ's own scripts talk to this node and read nothing of the system's."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"), "HOME": str(self.dir),
            "LANG": "C.UTF-8", "RABBITMQ_NODENAME": self.node, "RABBITMQ_USE_LONGNAME": "false",
            "RABBITMQ_CONF_ENV_FILE": str(self.dir / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.dir / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.dir / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.dir / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.dir / "mnesia"), "RABBITMQ_LOG_BASE": str(self.dir / "log"),
            "RABBITMQ_PID_FILE": str(self.dir / "pid"), "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.dir / "generated"),
            # two schedulers: a node on a small machine beside others
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    # ---- inside ----

    def _write_files(self):
        cookie = self.dir / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(self.cookie)
            cookie.chmod(0o400)
        for empty in ("env.conf",):
            (self.dir / empty).write_text("")
        (self.dir / "advanced.config").write_text("[].\n")
        (self.dir / "enabled_plugins").write_text("[].\n")
        lines = ["listeners.tcp.1 = 127.0.0.1:%d" % self.port, "loopback_users = none",
                 "vm_memory_high_watermark.absolute = 512MB", "disk_free_limit.absolute = 10MB",
                 "log.file.level = info", "load_definitions = %s" % (self.dir / "definitions.json")]
        if self.tls:
            ca, certificate, key = self.tls
            lines += ["listeners.ssl.1 = 127.0.0.1:%d" % self.tls_port, f"ssl_options.cacertfile = {ca}",
                      f"ssl_options.certfile = {certificate}", f"ssl_options.keyfile = {key}",
                      "ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = false"]
        (self.dir / "rabbitmq.conf").write_text("\n".join(lines) + "\n" + self.extra + "\n")
        (self.dir / "definitions.json").write_text(json.dumps({
            "vhosts": [{"name": v} for v in self.vhosts],
            "users": [{"name": u.name, "password_hash": self._hash(u.password), "tags": u.tags,
                       "hashing_algorithm": "rabbit_password_hashing_sha256"} for u in self.users],
            "permissions": [{"user": u.name, "vhost": u.vhost, "configure": u.permissions[0],
                             "write": u.permissions[1], "read": u.permissions[2]} for u in self.users],
        }))

    @staticmethod
    def _hash(password):
        salt = os.urandom(4)
        return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()

    def _await_port(self, port, deadline):
        while time.monotonic() < deadline:
            if self.process and self.process.poll() is not None:
                break
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        log = self.dir / "console.log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise RuntimeError(f"broker {self.node} does not listen on {port}:\n{tail}")

    def _join(self, deadline):
        seed, status = self.cluster[0].node, None
        while status is None:  # the port is open before the node answers
            try:
                status = self.rabbitmqctl("cluster_status")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        if seed in status:
            return
        self.rabbitmqctl("stop_app")
        self.rabbitmqctl("join_cluster", seed)
        self.rabbitmqctl("start_app")
        self._await_port(self.port, deadline)

    def _end(self, how, timeout):
        """The start script is the group's leader and waits for the node; both go."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        node = self._node_pid()
        try:
            if how == signal.SIGTERM and node:
                os.kill(node, signal.SIGTERM)
            else:
                os.killpg(process.pid, how)
            process.wait(timeout)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait(10)

    def _node_pid(self):
        try:
            return int((self.dir / "pid").read_text())
        except (OSError, ValueError):
            return None

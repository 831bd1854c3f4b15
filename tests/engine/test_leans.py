"""What this package leans on in eventlet and gunicorn beyond their documented interfaces.

When an upgrade breaks one of these, look at the place in notifier/engine that is named here.
"""

from __future__ import annotations

import errno
import inspect

from eventlet import greenio, hubs, wsgi
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from notifier.engine.worker import BOOT_ERROR


def test_eventlet_s_server_takes_what_we_give_it() -> None:
    """server.Server passes these to wsgi.server."""
    wanted = {"log", "log_format", "log_x_forwarded_for", "custom_pool", "protocol", "keepalive"}
    wanted |= {"socket_timeout", "url_length_limit", "debug", "environ"}
    assert wanted <= set(inspect.signature(wsgi.server).parameters)


def test_eventlet_tracks_a_connection_as_address_socket_state() -> None:
    """server.Server reads and sets the third; the accept loop hands the list to the pool."""
    source = inspect.getsource(wsgi.server)
    assert "connection = [client_addr, client_socket, STATE_IDLE]" in source
    assert "pool.spawn(serv.process_request, connection)" in source
    assert {wsgi.STATE_IDLE, wsgi.STATE_REQUEST, wsgi.STATE_CLOSE} == {"idle", "request", "close"}


def test_eventlet_leaves_its_accept_loop_on_a_shut_down_socket() -> None:
    """listener.Listener ends the loop so."""
    assert errno.ESHUTDOWN in wsgi.ACCEPT_ERRNO


def test_eventlet_marks_an_upgraded_connection_and_can_be_told_not_to_answer() -> None:
    """requests.SocketTracker wraps the first and sets the second."""
    assert "env['eventlet.set_idle']" in inspect.getsource(wsgi.HttpProtocol.get_environ)
    assert "WSGI_LOCAL.already_handled" in inspect.getsource(wsgi.HttpProtocol.handle_one_response)


def test_eventlet_logs_a_failure_as_its_traceback() -> None:
    """serverlog.ServerLog tells it from a request by its first word."""
    source = inspect.getsource(wsgi.HttpProtocol.handle_one_response)
    assert "tb = traceback.format_exc()\n" in source
    assert "self.server.log.info(tb)" in source


def test_eventlet_s_hub_can_be_waited_on() -> None:
    """worker and listener wait with it; server shuts sockets down with the other."""
    assert {"read", "timeout"} <= set(inspect.signature(hubs.trampoline).parameters)
    assert callable(greenio.shutdown_safe)


def test_gunicorn_wakes_the_worker_s_pipe_for_each_signal() -> None:
    """worker.EventletWorker sleeps on it."""
    assert "signal.set_wakeup_fd(self.PIPE[1])" in inspect.getsource(Worker.init_signals)


def test_gunicorn_installs_the_handlers_we_override() -> None:
    """Those of worker.EventletWorker."""
    source = inspect.getsource(Worker.init_signals)
    for name in ("handle_exit", "handle_quit", "handle_usr1", "handle_abort"):
        assert f"self.{name})" in source


def test_gunicorn_loads_the_app_before_it_runs_the_worker() -> None:
    """worker.EventletWorker.load_wsgi starts the notifier."""
    source = inspect.getsource(Worker.init_process)
    assert source.index("self.load_wsgi()") < source.index("self.run()")


def test_gunicorn_s_arbiter_asks_the_worker_class_about_the_configuration() -> None:
    """worker.EventletWorker.check_config."""
    assert "self.worker_class.check_config(self.cfg, self.log)" in inspect.getsource(Arbiter.start)


def test_gunicorn_ends_on_the_status_of_a_failed_boot() -> None:
    """worker.BOOT_ERROR."""
    assert Arbiter.WORKER_BOOT_ERROR == BOOT_ERROR

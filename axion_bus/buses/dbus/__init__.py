"""The D-Bus adapter: the only room that knows dbus-next. ``link`` is one connection; what is built on it lies beside it."""

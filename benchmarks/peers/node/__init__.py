"""A Node service with Socket.IO and its sharded Redis adapter."""

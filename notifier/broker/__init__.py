"""What carries pushes between processes: Redis or Valkey, also an embedded one."""

"""The edge: what browsers and programs talk to. It translates and delegates."""

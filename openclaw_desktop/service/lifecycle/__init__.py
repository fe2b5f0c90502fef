"""How the agent is started, watched and ended, and what it says of its last end."""

"""The broker: the one way from the agent to the network."""

"""The tray, the chat popup and the question window: the only package that imports Qt."""

"""The body of `worker inference`: the only code that imports llama_cpp. Its own process, disposable."""

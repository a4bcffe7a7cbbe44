"""The product as people use it: a real server, a real headless browser, real photos."""

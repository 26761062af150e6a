"""The archive's new stack: the same site as ../legacy, on the same database and the same session cookie.

Raw WSGI, standard library only. `app` is the entry; a page is a function from a request to a response.
"""

"""The console: pages for people, below one path of the server's port.

`site` takes a request through host check, session and routes; a `visit` is one request of somebody who is signed in;
`wire` calls the services as clients do; `pages` has a module a subject, `templates` and `static` what they look like.
"""

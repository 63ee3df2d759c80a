"""A mail server for tests: writes each mail as a line of JSON into mails.jsonl.

Arguments: port, "tls" or "plain", the password of every account. Certificate and key are cert.pem
and key.pem in the present folder.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Writer:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("utf-8", "replace"),
        }
        with open("mails.jsonl", "a", encoding="utf-8") as mails:
            mails.write(json.dumps(mail) + "\n")
        return "250 OK"


def main() -> None:
    port, tls, password = int(sys.argv[1]), sys.argv[2] == "tls", sys.argv[3]

    def authenticate(server, session, envelope, mechanism, login):
        if login.password == password.encode():
            return AuthResult(success=True, auth_data=login.login.decode())
        # `handled` must be false, or the client never hears of the refusal.
        return AuthResult(success=False, handled=False)

    settings = {"authenticator": authenticate}
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("cert.pem", "key.pem")
        settings |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    controller = Controller(Writer(), hostname="127.0.0.1", port=port, **settings)
    controller.start()
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main()

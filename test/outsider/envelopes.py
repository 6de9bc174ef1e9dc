"""envelopes: what is signed in a packet, checked by tools for in-toto attestations and with nothing of this project.

  envelopes.py packet.zip trust.json   the statements of connectors and the decisions of persons
  envelopes.py --passkeys corpus.json  for each {"envelope", "key"}: did this passkey sign it? one true or false a line

The root is signed by a threshold of the trusted root keys, the list of persons by a signer whom that root names for it.
Who could sign what when is the full verifier's question; here each signature has to hold, and each statement has to
say of its event what the entry says. Needs securesystemslib[crypto], in-toto-attestation and cbor2.
"""

import base64
import hashlib
import io
import json
import sys
import zipfile

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from google.protobuf import json_format
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

IN_TOTO = "application/vnd.in-toto+json"
PREDICATE = "urn:countersign:attestation:v1"
OWN = "application/vnd.countersign.%s.v1+json"


class Wrong(Exception):
    """Whatever does not hold."""


def insist(holds, what):
    if not holds:
        raise Wrong(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    """RFC 8785, for names in ASCII and whole numbers, of which entries are made."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest(value):
    return sha256(canonical(value)).hex()


# Keys sign DSSE as it is: securesystemslib verifies them.


def key_of(stated):
    raw = base64.b64decode(stated["publicKey"])
    insist(stated["alg"] == "ed25519", f"{stated['keyId']} is no Ed25519 key")
    return SSlibKey(stated["keyId"], "ed25519", "ed25519", {"public": raw.hex()})


def payload_of(envelope):
    return json.loads(base64.b64decode(envelope["payload"], validate=True))


def opened(envelope, kind, keys, threshold=1):
    """The payload, of this type, after so many of these keys were found to have signed it."""
    insist(envelope["payloadType"] == kind, f"an envelope of another type than {kind}")
    Envelope.from_dict(json.loads(json.dumps(envelope))).verify([key_of(k) for k in keys], threshold)
    return payload_of(envelope)


# Passkeys sign WebAuthn's bytes, whose challenge is the SHA-256 of DSSE's: docs/statements.md has the rule.


def is_passkey_signed(envelope, key):
    signature = next((s for s in envelope["signatures"] if s["keyid"] == key["keyId"]), None)
    if signature is None or "webauthn" not in signature:
        return False
    try:
        assertion = signature["webauthn"]
        authenticator = base64.b64decode(assertion["authenticatorData"], validate=True)
        client = base64.b64decode(assertion["clientDataJSON"], validate=True)
        signed = base64.b64decode(signature["sig"], validate=True)
        insist_client(client, envelope, key)
        insist_authenticator(authenticator, key)
        insist_signature(signed, authenticator + sha256(client), key)
    except (Wrong, ValueError, InvalidSignature, cbor2.CBORDecodeError):
        return False
    return True


def insist_client(client, envelope, key):
    insist(len(client) <= 4096, "too long")
    said = json.loads(client.decode("utf-8"))
    insist(isinstance(said, dict), "not an object")
    challenge = sha256(Envelope(base64.b64decode(envelope["payload"]), envelope["payloadType"], {}).pae())
    insist(said.get("type") == "webauthn.get", "not an assertion")
    insist(said.get("challenge") == base64.urlsafe_b64encode(challenge).decode().rstrip("="), "other bytes")
    insist(said.get("origin") in key["relyingParty"]["origins"], "another origin")
    insist("crossOrigin" not in said or said["crossOrigin"] is False, "in a frame")
    insist("topOrigin" not in said, "in a frame")


UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def insist_authenticator(data, key):
    insist(len(data) >= 37, "cut short")
    insist(data[:32] == sha256(key["relyingParty"]["id"].encode()), "another relying party")
    flags, rest = data[32], io.BytesIO(data[37:])
    insist(flags & UP and flags & UV, "the user was not there, or not verified")
    insist(flags & BE or not flags & BS, "an impossible state")
    insist(not flags & AT, "it attests a credential")
    if flags & ED:
        insist(isinstance(cbor2.load(rest), dict), "extensions that are no map")
    insist(rest.read() == b"", "bytes that nobody announced")


def insist_signature(signature, message, key):
    raw = base64.b64decode(key["publicKey"], validate=True)
    if key["alg"] == "ed25519":
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    else:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
        point.verify(signature, message, ec.ECDSA(SHA256()))


# A packet.


def authority_of(bundle, trust):
    """The root of a bundle, and its persons, down from the trusted root keys."""
    root = opened(bundle["root"], OWN % "root", trust["rootKeys"], trust["threshold"])
    insist(root["enterprise"] == trust["enterprise"], "another enterprise")
    signers = [key for key in root["signers"] if "people" in key["scopes"]]
    people = opened(bundle["sections"]["people"], OWN % "section", signers)
    insist(people["section"] == "people", "another section")
    return root, people["persons"]


def insist_statement(text, entry, connectors):
    envelope = json.loads(text)
    stated = opened(envelope, IN_TOTO, connectors)
    message = json_format.Parse(json.dumps(stated), StatementMessage())
    Statement.copy_from_pb(message).validate()
    insist(stated["predicateType"] == PREDICATE, "a predicate of another type")
    event = {name: value for name, value in entry["body"].items() if name != "attestation"}
    insist(stated["predicate"] == {"caseId": entry["stream"], "event": event}, "another event")
    subjects = {one["name"]: one["digest"]["sha256"] for one in stated["subject"]}
    insist(subjects["event"] == digest(event), "the digest of another event")
    return subjects


def check(files, trust):
    bundles = {
        "sha256:" + name[len("authority/") : -len(".json")]: authority_of(json.loads(text), trust)
        for name, text in files.items()
        if name.startswith("authority/")
    }
    insist(bundles, "a packet without an authority")
    connectors = [key for root, _ in bundles.values() for key in root["connectors"]]
    connectors = list({key["publicKey"]: key for key in connectors}.values())
    entries = {name[-len("0000.json") :]: json.loads(text) for name, text in files.items() if name.startswith("entries/")}
    plans = [digest(e["body"]["plan"]) for e in entries.values() if e["body"]["type"] == "Planned"]
    counts = {"statements": 0, "plans": 0, "decisions": 0, "passkeys": 0}
    for number, entry in sorted(entries.items()):
        body = entry["body"]
        insist(("attestation" in body) == (f"statements/{number}" in files), f"{number}: a statement missing, or too many")
        if "attestation" in body:
            subjects = insist_statement(files[f"statements/{number}"], entry, connectors)
            counts["statements"] += 1
            if "plan" in subjects:
                insist(subjects["plan"] in plans, f"{number}: the digest of another plan")
                counts["plans"] += 1
        if body["type"] == "DecisionAdmitted":
            counts[insist_decided(body, bundles[body["authority"]["hash"]][1])] += 1
    return counts


def insist_decided(body, persons):
    envelope = body["envelope"]
    person = next(p for p in persons if p["personId"] == body["signedBy"])
    insist(payload_of(envelope)["personId"] == person["personId"], "signed by another person")
    ids = [signature["keyid"] for signature in envelope["signatures"]]
    key = next(k for k in person["keys"] if k["keyId"] in ids)
    if key["relyingParty"] is None:
        opened(envelope, OWN % "decision", [key])
        return "decisions"
    insist(is_passkey_signed(envelope, key), f"{key['keyId']} did not sign")
    return "passkeys"


def main(words):
    if words[0] == "--passkeys":
        with open(words[1], encoding="utf-8") as corpus:
            for one in json.load(corpus):
                print(json.dumps(is_passkey_signed(one["envelope"], one["key"])))
        return
    with zipfile.ZipFile(words[0]) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with open(words[1], encoding="utf-8") as trust:
        print(json.dumps(check(files, json.load(trust))))


if __name__ == "__main__":
    main(sys.argv[1:])

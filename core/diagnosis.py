"""What each code means and what to do about it. Pure: words for people, nothing is done here.

NET001-004, API001-004, IMG001-004 and CNT001-003 are the guide's; the others follow its style.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.phrases import N_


class Severity(StrEnum):
    """How much of the work an error stops."""

    LOW = "low"  # this picture, and there is an easy way round
    MEDIUM = "medium"  # this request; others may pass
    HIGH = "high"  # every request, until somebody acts
    CRITICAL = "critical"  # the data of Tessera itself


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One code in words: English sentences for the translator.

    `fix` says what Tessera itself does about it, or offers to do; empty for nothing. What was done
    is a note on the result (core/fixes.py).
    """

    code: str
    severity: Severity
    summary: str
    cause: str
    solution: str
    fix: str = ""


def diagnose(code: str) -> Diagnosis:
    """Return the diagnosis of a code; an unknown one is an error inside Tessera."""
    return DIAGNOSES.get(code) or DIAGNOSES["SYS000"]


_ASKS_AGAIN = N_("It asks again a few times, with longer waits between.")
_HOLDS_BACK = N_("It holds the answer back from files until a person has accepted it.")
_OFFERS_WORDS = N_("It offers the question in more objective words; you decide whether to ask it.")

_ALL = (
    Diagnosis(
        "NET001",
        Severity.MEDIUM,
        N_("No answer came in time."),
        N_("The server was silent, or too slow for the time limit."),
        N_(
            "Try again. If it happens often, raise DEFAULT_TIMEOUT, lower the output limit, or "
            "look at the provider's status page. The attempt may have been billed."
        ),
        fix=N_("It asks once more and allows twice the time, if the deadline leaves it."),
    ),
    Diagnosis(
        "NET002",
        Severity.MEDIUM,
        N_("The connection failed."),
        N_("The server refused the connection, or it broke off."),
        N_("Check OPENAI_BASE_URL and the network, then try again."),
        fix=_ASKS_AGAIN,
    ),
    Diagnosis(
        "NET003",
        Severity.HIGH,
        N_("The server's name was not found."),
        N_("The host name in OPENAI_BASE_URL is wrong, or name resolution does not work here."),
        N_("Check the spelling of OPENAI_BASE_URL and the DNS settings of this machine."),
        fix=_ASKS_AGAIN,
    ),
    Diagnosis(
        "NET004",
        Severity.HIGH,
        N_("The proxy did not let the call through."),
        N_("HTTPS_PROXY or HTTP_PROXY names a proxy that refused or could not connect."),
        N_("Check the address, user and password of the proxy, or unset the variable."),
        fix=_ASKS_AGAIN,
    ),
    Diagnosis(
        "NET005",
        Severity.HIGH,
        N_("The server cannot be trusted."),
        N_("Its certificate is not valid for its name, expired, or signed by somebody unknown."),
        N_(
            "If your organisation signs its own certificates, point SSL_CERT_FILE to its root "
            "certificate. Verification is never switched off."
        ),
    ),
    Diagnosis(
        "API001",
        Severity.HIGH,
        N_("The key was not accepted."),
        N_("OPENAI_API_KEY is wrong, revoked, or belongs to another server."),
        N_("Put a valid key into OPENAI_API_KEY and restart Tessera."),
    ),
    Diagnosis(
        "API002",
        Severity.MEDIUM,
        N_("Too many requests at the moment."),
        N_("The limit of requests or tokens for this minute is used up."),
        N_(
            "Wait a little and try again. Set RATE_LIMIT_RPM and RATE_LIMIT_TPM to your limits, "
            "or use the batch lane for what is not urgent."
        ),
        fix=N_("It waits as long as the server says, or longer each time, and asks again."),
    ),
    Diagnosis(
        "API003",
        Severity.HIGH,
        N_("The credit or a spending limit is used up."),
        N_("The account, organisation or project has no money or quota left. Waiting is no help."),
        N_("Add credit or raise the limit in the provider's billing settings."),
    ),
    Diagnosis(
        "API004",
        Severity.HIGH,
        N_("The model is not available."),
        N_("Its name is wrong, it was shut down, or this account has no access to it."),
        N_("Choose another model; a model's shutdown date and successor are shown beside it."),
    ),
    Diagnosis(
        "API005",
        Severity.HIGH,
        N_("The account may not do this."),
        N_("The provider forbids the call for this account, project, country or region."),
        N_("Ask the account's administrator, or use another endpoint or project."),
    ),
    Diagnosis(
        "API006",
        Severity.MEDIUM,
        N_("The server has a problem."),
        N_("It failed or is overloaded; repeated attempts did not help."),
        N_("Try again in a few minutes and look at the provider's status page."),
        fix=_ASKS_AGAIN,
    ),
    Diagnosis(
        "API007",
        Severity.HIGH,
        N_("The server does not accept the request."),
        N_("The address is wrong, or the server refuses a parameter of the request."),
        N_("Check OPENAI_BASE_URL, and change what the message names."),
    ),
    Diagnosis(
        "API008",
        Severity.MEDIUM,
        N_("What came back is not an answer."),
        N_(
            "The server or something in between sent a page, an empty body or a broken answer. "
            "It may have been billed."
        ),
        N_("Check that OPENAI_BASE_URL is an OpenAI-compatible API, then try again."),
        fix=_ASKS_AGAIN,
    ),
    Diagnosis(
        "API009",
        Severity.LOW,
        N_("The request has too many bytes."),
        N_("The server, or a proxy before it, takes no body of this size."),
        N_("Choose a lower detail, so that a smaller picture is sent."),
        fix=N_("It makes the picture smaller and sends it again, once."),
    ),
    Diagnosis(
        "API010",
        Severity.MEDIUM,
        N_("This one request is over the limit for a whole minute."),
        N_("Picture, text and output limit together have more tokens than the account may use."),
        N_("Lower the output limit or the detail, or ask the provider for a higher limit."),
    ),
    Diagnosis(
        "IMG001",
        Severity.LOW,
        N_("The picture is too large."),
        N_("It has more bytes, pixels or pages than are accepted."),
        N_("Make it smaller, or split the document, and drop it in again."),
        fix=N_(
            "If the server says so, it makes the picture smaller and sends it again, once. A file "
            "that is too large to be opened safely is left alone."
        ),
    ),
    Diagnosis(
        "IMG002",
        Severity.LOW,
        N_("This is not a picture that can be read."),
        N_("The file is of another kind, or of a picture type that is not supported."),
        N_("Save it as PNG or JPEG and drop it in again."),
    ),
    Diagnosis(
        "IMG003",
        Severity.LOW,
        N_("The picture could not be fetched."),
        N_("The address does not exist, does not answer, or may not be called from here."),
        N_("Check the address, or download the picture and drop it in."),
    ),
    Diagnosis(
        "IMG004",
        Severity.LOW,
        N_("The picture is empty or damaged."),
        N_("The file is not complete, or was changed on its way."),
        N_("Export or copy it again from where it came from."),
    ),
    Diagnosis(
        "IMG005",
        Severity.LOW,
        N_("The provider could not use the picture."),
        N_("The server could not read or did not accept it, though it could be read here."),
        N_("Save it again as PNG or JPEG, or try another detail or model."),
    ),
    Diagnosis(
        "IMG006",
        Severity.LOW,
        N_("The picture is too small."),
        N_("A side has too few pixels to show anything."),
        N_("Use a larger original."),
    ),
    Diagnosis(
        "IMG007",
        Severity.LOW,
        N_("The picture takes too much time or memory to read."),
        N_("It is built in a way that would slow down or stop this machine."),
        N_("Open it in another program, save it as PNG or JPEG, and drop that in."),
    ),
    Diagnosis(
        "IMG008",
        Severity.LOW,
        N_("The document has a password."),
        N_("A protected PDF cannot be opened without it."),
        N_("Save a copy without a password and drop that in."),
    ),
    Diagnosis(
        "CNT001",
        Severity.MEDIUM,
        N_("The provider's safety system blocked this."),
        N_("The picture, the question or the answer is against the provider's policy."),
        N_("Ask in other words, or use another picture. CAPTCHAs are always blocked."),
        fix=_OFFERS_WORDS,
    ),
    Diagnosis(
        "CNT002",
        Severity.LOW,
        N_("The text is too long for the model."),
        N_("Prompt, schema and text of the page do not fit into the model's window."),
        N_("Shorten the prompt, or choose a model with a larger window."),
    ),
    Diagnosis(
        "CNT003",
        Severity.LOW,
        N_("The answer was cut off."),
        N_(
            "It reached the output limit. It is billed like any other, and a part of an answer is "
            "not used."
        ),
        N_("Raise the output limit and ask again."),
    ),
    Diagnosis(
        "CNT004",
        Severity.MEDIUM,
        N_("The model declined to answer."),
        N_("What it said instead is not an answer to the question."),
        N_("Ask in other words, choose another task, or use another model."),
        fix=_OFFERS_WORDS,
    ),
    Diagnosis(
        "CNT005",
        Severity.MEDIUM,
        N_("The answer is empty."),
        N_("The model ended without a word; a reasoning model may have used up its limit."),
        N_("Try again, or raise the output limit."),
    ),
    Diagnosis(
        "CNT006",
        Severity.MEDIUM,
        N_("The answer does not have the requested form."),
        N_("It is not JSON, or does not satisfy the schema. It is billed like any other."),
        N_("Try again, simplify the schema, or choose a model with structured output."),
    ),
    Diagnosis(
        "CNT007",
        Severity.MEDIUM,
        N_("The answer says almost nothing about a full page."),
        N_(
            "The picture is full of text, but the answer is empty or nearly so. It is billed like "
            "any other."
        ),
        N_("Compare it with the picture. Accept it, or ask again with a higher detail."),
        fix=_HOLDS_BACK,
    ),
    Diagnosis(
        "CNT008",
        Severity.MEDIUM,
        N_("Different pictures got the same answer."),
        N_(
            "A long answer came word for word for another picture too: the model may have made "
            "it up."
        ),
        N_("Compare both with their pictures. Accept what is right, or ask again."),
        fix=_HOLDS_BACK,
    ),
    Diagnosis(
        "BGT001",
        Severity.HIGH,
        N_("The budget would be passed."),
        N_("What this call may cost is more than what is left of TESSERA_BUDGET_USD."),
        N_("Raise TESSERA_BUDGET_USD, or choose a cheaper model, detail or output limit."),
    ),
    Diagnosis(
        "CFG001",
        Severity.HIGH,
        N_("A setting is not usable."),
        N_("An environment variable is missing, malformed or unsafe."),
        N_("Correct the setting that the message names, then restart Tessera."),
    ),
    Diagnosis(
        "CFG002",
        Severity.MEDIUM,
        N_("What was entered cannot be used."),
        N_("Something is missing or malformed, or it names what does not exist."),
        N_("Correct what the message names, then try again."),
    ),
    Diagnosis(
        "SYS000",
        Severity.HIGH,
        N_("Tessera made a mistake."),
        N_("Something happened that the program does not expect."),
        N_("Try again. If it happens again, report it with the log of this moment."),
    ),
    Diagnosis(
        "SYS001",
        Severity.CRITICAL,
        N_("The data directory cannot be used."),
        N_("The disk is full, or TESSERA_DATA_DIR is damaged, missing or not writable."),
        N_("Free some space or correct the directory. What was written before is still there."),
    ),
    Diagnosis(
        "SYS002",
        Severity.LOW,
        N_("Stopped."),
        N_("It was stopped before the answer was complete. What was sent may have been billed."),
        N_("Run it again when you want the answer."),
    ),
    Diagnosis(
        "SYS003",
        Severity.MEDIUM,
        N_("Tessera ended while the call was under way."),
        N_("The process was stopped or failed. The call may have been billed."),
        N_("Run it again; its cost is counted at the estimate."),
    ),
)

DIAGNOSES: Mapping[str, Diagnosis] = {diagnosis.code: diagnosis for diagnosis in _ALL}

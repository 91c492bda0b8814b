"""The errors of the three providers, by the names of the modes that ask for them, in each one's own words."""

from typing import Any, NamedTuple

# "bad-key" and "credit" are what a wrong key and an empty account really look like: the status is not always
# the one that "401" and "quota" have.
# "plan-limit" is Anthropic's alone: with headers that tell when a subscription may be used again.
ERRORS = (
    *("400", "401", "404", "429", "500", "503", "529"),
    *("quota", "credit", "bad-key", "too-large", "plan-limit"),
)
RETRY_AFTER = 1  # seconds
PLAN_RESET = 3600  # seconds

_GOOGLE = "type.googleapis.com/google.rpc."


class Error(NamedTuple):
    """An HTTP status with the JSON body."""

    status: int
    body: dict[str, Any]


def error(api: str, name: str, *, model: str, key: str) -> Error:
    """The error `name` of a provider; some tell the key they were given, so that it has to be masked."""
    return {"openai": _openai, "chat": _openai, "anthropic": _anthropic, "gemini": _gemini}[api](
        name, model, key
    )


def headers(name: str, now: float) -> dict[str, str]:
    """The headers of the error `name` that say when to ask again; `now` in seconds since 1970."""
    if name == "plan-limit":
        unified = {
            "status": "rejected",
            "reset": str(int(now) + PLAN_RESET),
            "representative-claim": "five_hour",
        }
        return {f"anthropic-ratelimit-unified-{key}": value for key, value in unified.items()}
    return {"Retry-After": str(RETRY_AFTER)} if name == "429" else {}


def _openai(name: str, model: str, key: str) -> Error:
    wrong_key = (401, "invalid_request_error", "invalid_api_key", f"Incorrect API key provided: {key}.")
    no_model = f"The model `{model}` does not exist or you do not have access to it."
    rate = f"Rate limit reached for {model}. Please try again in {RETRY_AFTER}s."
    plan = "You exceeded your current quota, please check your plan and billing details."
    long = "Your input exceeds the context window of this model. Please adjust your input and try again."
    busy = "The server is overloaded. Please try again later."
    status, kind, code, message = {
        "400": (400, "invalid_request_error", "invalid_value", "Invalid value: 'fake'."),
        "401": wrong_key,
        "bad-key": wrong_key,
        "404": (404, "invalid_request_error", "model_not_found", no_model),
        "429": (429, "requests", "rate_limit_exceeded", rate),
        "500": (500, "server_error", None, "The server had an error while processing your request."),
        "503": (503, "server_error", None, busy),
        "529": (529, "server_error", None, busy),
        "quota": (429, "insufficient_quota", "insufficient_quota", plan),
        "plan-limit": (429, "insufficient_quota", "insufficient_quota", plan),
        "credit": (429, "insufficient_quota", "insufficient_quota", plan),
        "too-large": (400, "invalid_request_error", "context_length_exceeded", long),
    }[name]
    return Error(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


def _anthropic(name: str, model: str, key: str) -> Error:
    wrong_key = (401, "authentication_error", f"invalid x-api-key {key}")
    credit = (
        "Your credit balance is too low to access the Anthropic API. "
        "Please go to Plans & Billing to upgrade or purchase credits."
    )
    usage = "You have reached your specified API usage limits. You will regain access on 2099-01-01."
    status, kind, message = {
        "400": (400, "invalid_request_error", "messages: fake is not permitted"),
        "401": wrong_key,
        "bad-key": wrong_key,
        "404": (404, "not_found_error", f"model: {model}"),
        "429": (429, "rate_limit_error", "Number of requests has exceeded your per-minute rate limit."),
        "500": (500, "api_error", "Internal server error"),
        "503": (503, "api_error", "Service unavailable"),
        "529": (529, "overloaded_error", "Overloaded"),
        "quota": (429, "rate_limit_error", usage),
        "plan-limit": (429, "rate_limit_error", "This request would exceed your account's rate limit."),
        "credit": (400, "invalid_request_error", credit),
        "too-large": (400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
    }[name]
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}
    return Error(status, body)


def _gemini(name: str, model: str, key: str) -> Error:
    plan = "You exceeded your current quota, please check your plan and billing details."
    long = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    no_model = f"models/{model} is not found for API version v1beta, or not supported for generateContent."
    retry = {"@type": _GOOGLE + "RetryInfo", "retryDelay": f"{RETRY_AFTER}s"}
    reason = {"@type": _GOOGLE + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    exhausted = (429, "RESOURCE_EXHAUSTED", plan, [_google_quota("PerDay")])
    known: dict[str, tuple[int, str, str, list[dict[str, Any]]]] = {
        "400": (400, "INVALID_ARGUMENT", "Request contains an invalid argument.", []),
        "401": (401, "UNAUTHENTICATED", f"Request had invalid authentication credentials: {key}.", []),
        "bad-key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [reason]),
        "404": (404, "NOT_FOUND", no_model, []),
        "429": (429, "RESOURCE_EXHAUSTED", plan, [_google_quota("PerMinute"), retry]),
        "500": (500, "INTERNAL", "An internal error has occurred. Please retry.", []),
        "503": (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", []),
        "529": (529, "UNAVAILABLE", "The model is overloaded. Please try again later.", []),
        "quota": exhausted,
        "plan-limit": exhausted,
        "credit": exhausted,
        "too-large": (400, "INVALID_ARGUMENT", long, []),
    }
    status, state, message, details = known[name]
    body = {"code": status, "message": message, "status": state, "details": details}
    return Error(status, {"error": body})


def _google_quota(period: str) -> dict[str, Any]:
    violation = {"quotaMetric": "fake/requests", "quotaId": f"GenerateRequests{period}PerProjectPerModel"}
    return {"@type": _GOOGLE + "QuotaFailure", "violations": [violation]}

"""aiokafka's errors in our words: the only place that knows both."""

from __future__ import annotations

import ssl

from aiokafka import errors as kafka

from raccordo.broker.sentences import missing_topic
from raccordo.errors import BrokerError, ConfigError, RaccordoError, TooLarge

CREDENTIALS_REFUSED = (
    kafka.SaslAuthenticationFailed,
    kafka.AuthenticationFailedError,
    kafka.AuthenticationMethodNotSupported,
    kafka.UnsupportedSaslMechanismError,
    kafka.IllegalSaslStateError,
    ssl.SSLError,
)
RIGHTS_MISSING = (
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
)
OWNERSHIP_LOST = (
    kafka.CommitFailedError,
    kafka.IllegalGenerationError,
    kafka.UnknownMemberIdError,
    kafka.RebalanceInProgressError,
    kafka.IllegalStateError,
)


class FencedInstanceId(kafka.BrokerResponseError):  # type: ignore[misc]  # aiokafka has no types
    """Another process joined with the same member id while we did; aiokafka 0.14 does not know the number."""

    errno = 82
    message = "FENCED_INSTANCE_ID"
    description = "Another member with the same group.instance.id has joined."


kafka.kafka_errors.setdefault(FencedInstanceId.errno, FencedInstanceId)


def is_fencing(error: BaseException) -> bool:
    """Whether the group coordinator said FENCED_INSTANCE_ID; aiokafka wraps what it does not expect as text."""
    return isinstance(error, FencedInstanceId) or FencedInstanceId.__name__ in str(error)


def translated(error: BaseException, doing: str) -> RaccordoError:
    """Return our error for one of aiokafka; `doing` says what was tried ("publish to ordini_creati")."""
    match error:
        case RaccordoError():
            return error
        case kafka.MessageSizeTooLargeError() | kafka.RecordListTooLargeError():
            return TooLarge(
                f"Kafka does not take a record of this size ({doing}): raise max.message.bytes of the topic, "
                "or make the event smaller."
            )
        case kafka.UnknownTopicOrPartitionError():
            return BrokerError(missing_topic(doing.rpartition(" ")[2]))
        case _ if isinstance(error, CREDENTIALS_REFUSED):
            return ConfigError(
                f"Kafka refuses to let us in ({doing}): {_text(error)}. Check RACCORDO_KAFKA_*."
            )
        case _ if isinstance(error, RIGHTS_MISSING):
            return BrokerError(
                f"Kafka says that we have no right to {doing}: ask for an ACL ({_text(error)})."
            )
    return BrokerError(f"Kafka refused to {doing}: {_text(error)}.")


def _text(error: BaseException) -> str:
    text = str(error).strip().rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

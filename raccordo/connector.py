"""Who is talked to: `Connector` with its settings and its operations, each write with its look.

A connector says *what* is called. It holds no try, no status code, no retry and no log line: its protocol kit
(`raccordo.wire`) translates errors, and the line decides what happens next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    get_args,
    get_type_hints,
    overload,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from raccordo.errors import ConfigError
from raccordo.settings import PREFIX, problems_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

READS = ("get", "find", "list")
WRITES = ("create", "update", "cancel", "send")


class ConnectorConfig(BaseSettings):
    """Settings of one system, read from ``RACCORDO_<NAME>_<FIELD>``; every field documents itself.

    Declared as ``class SapConfig(ConnectorConfig, name="sap")``. `settle` has no default below the vendor's figure:
    each subclass states its own and says where it comes from.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str] = ""

    timeout: float = Field(
        default=30.0, gt=0, description="Seconds for one call, from taking a connection to the last byte."
    )
    settle: float = Field(
        default=...,
        ge=0,
        description="Seconds after sending a write from which a look that finds nothing counts.",
    )
    max_in_flight: int = Field(
        default=8, ge=1, description="Calls under way at once, for each worker process."
    )
    rate: float = Field(
        default=0.0, ge=0, description="Calls per second at most, for each worker process; 0: no limit."
    )

    def __init_subclass__(cls, *, name: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name:
            cls.name = name
            cls.model_config["env_prefix"] = f"{PREFIX}{name.upper()}_"

    @classmethod
    def environment_name(cls, field: str) -> str:
        """Name the environment variable that sets a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field.upper()}"

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings. Raises ConfigError that lists every missing or wrong one with its variable."""
        try:
            return cls()
        except ValidationError as error:
            raise ConfigError(problems_of(error, cls.environment_name(""))) from error


class DocumentRef(BaseModel):
    """What a write gives back: at least the number under which the target keeps the document."""

    model_config = ConfigDict(frozen=True)

    document: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a connector's check: what was looked at, whether it is well, and what to do if not."""

    subject: str
    ok: bool
    detail: str = ""
    remedy: str = ""


class Kit(Protocol):
    """A protocol kit: opened once for a system, used by all lanes."""

    async def start(self) -> None:
        """Open pools; touches the network only where the protocol demands it."""

    async def stop(self) -> None:
        """Close pools. Safe to call twice."""


P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound="Connector[Any, Any]")
Once = Literal["look", "neither"]


class Operation(Generic[C, P, R]):
    """One thing that a connector can do. The verb in its name says whether it reads or writes."""

    def __init__(self, function: Callable[Concatenate[C, P], Awaitable[R]]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.verb = self.name.partition("_")[0]
        self.look_function: Callable[Concatenate[C, P], Awaitable[R | None]] | None = None
        if self.verb not in (*READS, *WRITES):
            message = f"operation {self.name}: begin its name with one of {', '.join((*READS, *WRITES))}"
            raise TypeError(message)

    @property
    def writes(self) -> bool:
        """Whether calling it changes something at the other end."""
        return self.verb in WRITES

    @property
    def once(self) -> Once:
        """How a write is made once: by a look before any resend, or by nothing (a doubt goes to a person)."""
        return "look" if self.look_function else "neither"

    def look(
        self, function: Callable[Concatenate[C, P], Awaitable[R | None]]
    ) -> Callable[Concatenate[C, P], Awaitable[R | None]]:
        """Register the read that says whether a write was done after all: same arguments, None for not found."""
        self.look_function = function
        return function

    def result_type(self) -> type[BaseModel]:
        """Say which model the operation returns. Raises TypeError where a write's result is no DocumentRef."""
        result = get_type_hints(self.function).get("return")
        if not (isinstance(result, type) and issubclass(result, DocumentRef)):
            message = f"operation {self.name} must be annotated to return a DocumentRef, not {result!r}"
            raise TypeError(message)
        return result

    @overload
    def __get__(self, instance: None, owner: type[C]) -> Self: ...
    @overload
    def __get__(self, instance: C, owner: type[C]) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, instance: C | None, owner: type[C]) -> Self | Callable[P, Awaitable[R]]:
        """Bind like a method, so that a connector can be called directly too."""
        if instance is None:
            return self
        return self.function.__get__(instance, owner)  # type: ignore[no-any-return]


def operation(function: Callable[Concatenate[C, P], Awaitable[R]]) -> Operation[C, P, R]:
    """Declare an operation. Writes take a keyword-only ``key`` that stays the same over every repeat."""
    return Operation(function)


ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)
KitT = TypeVar("KitT", bound=Kit)


class Connector(Generic[ConfigT, KitT]):
    """A system that is talked to: its settings, its protocol kit and its operations.

    Declared as ``class SapOrders(Connector[SapConfig, OData])``; the kit's class is called with the settings.
    """

    config_type: ClassVar[type[ConnectorConfig]]
    kit_type: ClassVar[Callable[..., Kit]]
    operations: ClassVar[dict[str, Operation[Any, Any, Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            arguments = get_args(base)
            if len(arguments) == 2 and isinstance(arguments[0], type):  # noqa: PLR2004 - config and kit
                cls.config_type, cls.kit_type = arguments
        cls.operations = {
            name: member
            for parent in reversed(cls.__mro__)
            for name, member in vars(parent).items()
            if isinstance(member, Operation)
        }

    def __init__(self, config: ConfigT, wire: KitT) -> None:
        self.config = config
        self.wire = wire

    @classmethod
    def open(cls, config: ConnectorConfig | None = None) -> Self:
        """Make the connector with its kit, from given settings or from the environment. Raises ConfigError."""
        settings = config or cls.config_type.from_environment()
        return cls(settings, cls.kit_type(settings))  # type: ignore[arg-type]

    @property
    def system(self) -> str:
        """The name under which this system is known in settings, logs, metrics and the ledger."""
        return self.config.name

    async def check(self) -> list[Finding]:
        """Look, read-only, whether this connector could do its work now."""
        return []

    async def __aenter__(self) -> Self:
        """Open the kit."""
        await self.wire.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the kit."""
        await self.wire.stop()

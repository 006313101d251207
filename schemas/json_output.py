"""Every document that --json prints."""

from typing import Any

from pydantic import TypeAdapter

from schemas.documents import (
    BackfillDocument,
    ErrorDocument,
    NightDocument,
    PlanDocument,
    PreflightDocument,
    RunDocument,
    VerifyDocument,
)
from schemas.history_documents import (
    AuditDocument,
    ComparisonDocument,
    DoctorDocument,
    ForgetDocument,
    NightFactsDocument,
    OpenDocument,
    PastRunDocument,
    QueryDocument,
)

DOCUMENTS = TypeAdapter[Any](
    RunDocument
    | NightDocument
    | BackfillDocument
    | VerifyDocument
    | PreflightDocument
    | PlanDocument
    | list[PastRunDocument]
    | OpenDocument
    | QueryDocument
    | NightFactsDocument
    | ComparisonDocument
    | AuditDocument
    | ForgetDocument
    | DoctorDocument
    | ErrorDocument
)
"""Any of them."""

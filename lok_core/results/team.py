"""What `lok team` came to."""

from __future__ import annotations

from collections.abc import Sequence

from lok_core.details.team import Piece, TeamDetail
from lok_core.results.section import Section


def sections(detail: TeamDetail) -> Sequence[Section]:
    """The summary, who did what, and what the debate changed."""
    told = []
    if detail.summary:
        told.append(Section(f"Summary by {detail.summary_by}", text=detail.summary))
    told.append(Section("Team", tuple(_piece(piece, detail) for piece in detail.pieces)))
    for piece in detail.pieces:
        if piece.revision is not None and piece.revision.changes:
            told.append(
                Section(f"What {piece.backend} changed: {piece.topic.category}", code=piece.revision.changes)
            )
    return told


def _piece(piece: Piece, detail: TeamDetail) -> str:
    words = f" ({', '.join(piece.topic.words)})" if piece.topic.words else ""
    told = f"{piece.topic.category}{words}: {piece.backend}"
    if not piece.answered:
        return f"{told} did not answer"
    if not detail.debate:
        return told
    if not piece.critic:
        return f"{told}; nobody else read it"
    told += f"; {piece.critic} read it"
    if piece.revision is None:
        return f"{told}; not revised"
    if not piece.revision.changes:
        return f"{told}; nothing was changed"
    return f"{told}; revised, +{piece.revision.added} -{piece.revision.removed} lines"

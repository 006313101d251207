"""The commands for those who ask about runs later: `audit` for an auditor, `forget` for a person."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.completion import run_names
from pipelines.cli.flags import JsonFlag, RunsFlag, named
from schemas.settings import RUNS
from schemas.texts import one_line


def audit(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|NIGHT",
            help="A run as `report` takes it, or a night by its date or folder, such as 2026-11-30.",
            autocompletion=run_names,
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(parser=named, metavar="FILE.zip", help="The file to write.")],
    runs: RunsFlag = RUNS,
    personal: Annotated[
        bool,
        typer.Option("--with-personal-data", help="Also pack outcomes.parquet, failures.csv and the keys in the rest."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Pack a run or a night for an auditor, with its hashes.

    The manifest, versions, the SHA-256 of every file and extract, rows counted anew, what was verified, and the page.
    """
    from pipelines.cli.console import print_json
    from pipelines.history.proof.audit import lines_of, pack
    from pipelines.history.proof.evidence import runs_named
    from schemas.errors import BalanceError
    from schemas.history_documents import AuditDocument

    packed = pack(runs_named(runs, run), out, personal=personal)
    code = 0 if packed.balanced else BalanceError.exit_code
    if as_json:
        document = AuditDocument(
            exit_code=code,
            audit=str(packed.path),
            sha256=packed.sha256,
            runs=list(packed.runs),
            balanced=packed.balanced,
            personal_data=personal,
        )
        print_json(document.as_json())
    else:
        for line in lines_of(packed):
            typer.echo(one_line(line))
    raise typer.Exit(code)


def forget(
    *,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="A key of the person.")] = None,
    value: Annotated[
        str | None, typer.Option(metavar="VALUE", help="What stands in a cell of theirs, such as a name or an id.")
    ] = None,
    runs: RunsFlag = RUNS,
    yes: Annotated[bool, typer.Option("--yes", help="Take them out; without it, nothing is changed.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take one person out of all runs, pages, nights and feeds.

    Says file by file where they were. Rows that hold the key or value in a cell are theirs. Extracts stay as they are.
    """
    from pipelines.cli.console import print_json
    from pipelines.history.forgetting.forget import forget as forget_person
    from pipelines.history.forgetting.forget import lines_of
    from schemas.history_documents import ForgetDocument, ForgottenFile

    found = forget_person(runs, key=key, value=value, carry_out=yes)
    if not as_json:
        for line in lines_of(found):
            typer.echo(one_line(line))
        return
    document = ForgetDocument(
        done=found.done,
        places=found.places,
        files=[ForgottenFile(file=str(each.path), places=each.places) for each in found.found],
        left=[*map(str, found.left)],
        extracts=[*found.extracts],
        to_resume=[*found.to_resume],
    )
    print_json(document.as_json())

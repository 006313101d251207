"""The conformance harness itself: unless it notices what an SDK drops, it proves nothing."""

import fcntl
import threading
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from api_examples import api_examples
from sdk_compare import differences
from sdk_env import (
    SdkEnvironmentError,
    SdkScriptError,
    made_environment,
    run_in_sdk,
    sdk_python,
)

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]

SDK_OF_EXAMPLE = {
    "legacy-allocationservice": "preview-1.0",
    "legacy-allocate": "preview-1.1",
    "legacy-booktransactions": "preview-1.1",
}


ORDER_WITH_UNKNOWN_MEMBER = '{"id": {"scope": "S", "code": "C"}, "quantity": 1.25, "colour": {"of": "money"}}'
DOCTORED = {
    "unknown member": ("BlockedOrderRequest", ORDER_WITH_UNKNOWN_MEMBER),
    "missing member": ("ResourceId", '{"scope": "S"}'),
    "text for a number": (
        "BlockedOrderRequest",
        '{"id": {"scope": "S", "code": "C"}, "quantity": "1"}',
    ),
    "unknown model": ("List[NoSuchModel]", "[]"),
}


@cache
def parsed(sdk: str) -> dict[str, dict[str, str]]:
    """What one SDK makes of the examples of its age and, the main one, of doctored bodies."""
    cases = {
        name: (example.model, example.text)
        for name, example in api_examples().items()
        if SDK_OF_EXAMPLE.get(name, "2.1") == sdk
    }
    if sdk == "2.1":
        cases |= DOCTORED
    payload = [{"model": model, "body": body} for model, body in cases.values()]
    answers: Any = run_in_sdk(sdk, "parse.py", payload)
    return dict(zip(cases, answers, strict=True))


def lock_without_packages(folder: Path) -> Path:
    lock = folder / "requirements-none.lock"
    lock.write_text("# nothing\n")
    return lock


@pytest.mark.parametrize("name", api_examples())
def test_the_documents_examples_come_back_whole_from_the_sdk_of_their_age(name: str) -> None:
    answer = parsed(SDK_OF_EXAMPLE.get(name, "2.1"))[name]

    assert differences(api_examples()[name].text, answer["text"]) == []


def test_a_dropped_member_is_detected() -> None:
    answer = parsed("2.1")["unknown member"]

    assert differences(ORDER_WITH_UNKNOWN_MEMBER, answer["text"]) == ["$.colour: dropped"]


def test_a_changed_decimal_is_detected() -> None:
    answer = parsed("2.1")["unknown member"]
    sent = ORDER_WITH_UNKNOWN_MEMBER.replace("1.25", "1.2500000000000002")

    assert "$.quantity: 1.2500000000000002 became 1.25" in differences(sent, answer["text"])


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("missing member", "code"),
        ("text for a number", "quantity"),
        ("unknown model", "TypeError: this SDK has no model NoSuchModel"),
    ],
)
def test_what_the_sdk_refuses_is_told_with_its_reason(case: str, reason: str) -> None:
    assert reason in parsed("2.1")[case]["error"]


def test_the_members_of_a_model_are_listed_to_the_leaves_in_either_generation() -> None:
    asked = ["ResourceId", "PlacementRequest", "NoSuchModel"]

    answer: Any = run_in_sdk("preview-1.0", "fields.py", asked)
    newer: Any = run_in_sdk("2.1", "fields.py", [*asked, "UpsertInvestmentAccountRequest"])

    assert answer["NoSuchModel"] is newer["NoSuchModel"] is None
    assert answer["ResourceId"] == newer["ResourceId"] == [["code"], ["scope"]]
    assert ["blockIds", "[]", "code"] in answer["PlacementRequest"]
    assert answer["PlacementRequest"] == [path for path in newer["PlacementRequest"] if "referenceData" not in path]
    account = newer["UpsertInvestmentAccountRequest"]
    assert ["accountHolders", "[]", "identifiers", "{}", "value", "labelValue"] in account
    assert ["investmentPortfolios", "[]", "portfolioCode"] in account


def test_an_environment_is_made_once_and_anew_for_another_lock(tmp_path: Path) -> None:
    lock = lock_without_packages(tmp_path)
    folder = tmp_path / "cache" / "none"

    python = made_environment(lock, folder)
    made = python.stat(follow_symlinks=False).st_mtime_ns
    assert made_environment(lock, folder) == python
    unchanged = python.stat(follow_symlinks=False).st_mtime_ns
    lock.write_text("# still nothing\n")
    made_environment(lock, folder)

    assert unchanged == made
    assert python.stat(follow_symlinks=False).st_mtime_ns != made


def test_an_environment_that_cannot_be_made_fails_with_pips_reason_and_is_not_kept(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "requirements-unhashed.lock"
    lock.write_text("lusid-sdk==2.1.880\n")

    for _ in range(2):
        with pytest.raises(SdkEnvironmentError) as failure:
            made_environment(lock, tmp_path / "unhashed")
        assert "requirements-unhashed.lock" in str(failure.value)
        assert "--require-hashes" in str(failure.value)


def test_a_missing_lock_and_an_unwritable_place_are_reasons_too(tmp_path: Path) -> None:
    with pytest.raises(SdkEnvironmentError, match=r"requirements-9\.9\.lock"):
        sdk_python("9.9")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SdkEnvironmentError, match=r"cannot make .*file/none"):
        made_environment(lock_without_packages(tmp_path), tmp_path / "file" / "none")


def test_a_script_that_fails_hangs_or_is_missing_raises_with_the_end_of_its_stderr() -> None:
    with pytest.raises(SdkScriptError, match="No such file"):
        run_in_sdk("preview-1.0", "nothing.py", [])
    with pytest.raises(SdkScriptError, match=r"(?s)parse\.py with SDK preview-1\.0.*TypeError"):
        run_in_sdk("preview-1.0", "parse.py", 1)
    with pytest.raises(SdkScriptError, match="took longer than 0 s"):
        run_in_sdk("preview-1.0", "parse.py", [], timeout=0)
    assert run_in_sdk("preview-1.0", "parse.py", []) == [], "the next one is not hurt"


def test_a_script_sees_only_the_lusid_settings_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "the caller's own")
    url = {"FBN_LUSID_URL": "http://127.0.0.1:1"}
    client = {"environ": url, "asynchronous": False, "calls": []}

    with pytest.raises(SdkScriptError, match="KeyError: 'FBN_ACCESS_TOKEN'"):
        run_in_sdk("preview-1.0", "drive.py", [client])
    assert run_in_sdk("preview-1.0", "drive.py", [client], env={"FBN_ACCESS_TOKEN": "T"}) == [[]]


def test_one_process_makes_an_environment_and_the_others_wait_for_it(tmp_path: Path) -> None:
    lock, folder = lock_without_packages(tmp_path), tmp_path / "none"
    waiting = threading.Thread(target=made_environment, args=(lock, folder))

    with (tmp_path / "none.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        waiting.start()
        waiting.join(timeout=0.2)
        assert waiting.is_alive()
        assert not folder.exists()
    waiting.join(timeout=60)

    assert (folder / "made-from").exists()

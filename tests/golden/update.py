"""`./dev golden`: writes the expected files anew."""

from __future__ import annotations

from tests.golden import rig


def main() -> None:
    for name in rig.case_names():
        case = rig.load(name)
        for file, text in rig.texts(case).items():
            (case.directory / file).write_text(text)
        print(f"wrote {name}")


if __name__ == "__main__":
    main()

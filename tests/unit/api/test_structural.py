"""What pydantic says and a structural schema cannot is said otherwise, or refused."""

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from landlord.api.schema import Model, Quantity, marks, rule
from landlord.api.structural import structural


class Colour(StrEnum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Leaf(Model):
    """A ``leaf``."""

    name: Annotated[str, Field(max_length=5)] = Field("", description="Its name.")
    colour: Colour = Field(Colour.RED, description="Its colour.")


class Tree(Model):
    """A tree."""

    leaf: Leaf | None = Field(None, description="The only leaf.")
    leaves: Annotated[tuple[Leaf, ...], Field(max_length=3)] = Field(
        (), description="All leaves.", json_schema_extra=marks(keys=("name",))
    )
    tags: Annotated[tuple[str, ...], Field(max_length=2)] | None = Field(None, json_schema_extra=marks(unique=True))
    worth: Quantity | None = Field(None, description="Its worth.")


def test_references_are_written_out_and_the_words_beside_them_win() -> None:
    leaf = structural(Tree)["properties"]["leaf"]

    assert leaf["description"] == "The only leaf."
    assert leaf["type"] == "object"
    assert leaf["properties"]["colour"] == {
        "description": "Its colour.",
        "type": "string",
        "enum": ["red", "blue"],
        "default": "red",
    }


def test_optional_fields_have_neither_null_nor_default() -> None:
    tree = structural(Tree)

    assert "required" not in tree
    assert "default" not in tree["properties"]["leaf"]
    assert "anyOf" not in tree["properties"]["tags"]
    assert tree["properties"]["tags"]["x-kubernetes-list-type"] == "set"


def test_an_empty_string_is_a_default_only_where_it_is_part_of_a_key() -> None:
    tree = structural(Tree)["properties"]

    assert tree["leaves"]["items"]["properties"]["name"]["default"] == ""
    assert "default" not in tree["leaf"]["properties"]["name"]


def test_quantities_are_integers_or_strings_with_bounds_on_both() -> None:
    worth = structural(Tree)["properties"]["worth"]

    assert worth["x-kubernetes-int-or-string"] is True
    assert worth["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert worth["minimum"] == 0
    assert worth["maxLength"] == 32
    assert "type" not in worth


def test_markup_of_docstrings_does_not_reach_users() -> None:
    assert structural(Leaf)["description"] == "A leaf."


def test_rules_of_a_field_and_of_its_type_add_up() -> None:
    text = Annotated[str, Field(max_length=9, json_schema_extra=marks(rules=(rule("a", "inner"),)))]

    class Ruled(Model):
        """Ruled twice."""

        field: text | None = Field(None, json_schema_extra=marks(rules=(rule("b", "outer"),)))

    rules = structural(Ruled)["properties"]["field"]["x-kubernetes-validations"]
    assert [each["message"] for each in rules] == ["inner", "outer"]


def test_what_no_structural_schema_can_say_is_refused() -> None:
    class Torn(BaseModel):
        """One of two shapes."""

        field: Leaf | int

    with pytest.raises(ValueError, match="no structural schema can say"):
        structural(Torn)

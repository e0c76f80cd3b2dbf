"""Names and keys of the controls within an explorer, as they are in the browser."""

from __future__ import annotations

import re
from contextlib import suppress

from browser.lab import settle

NAMELESS = """root => {
    const name = (node) => [
        node.getAttribute('aria-label'), node.getAttribute('alt'), node.getAttribute('title'),
        node.matches('button') ? node.textContent : '', node.closest('label')?.textContent,
    ].find((text) => text?.trim());
    const parts = root.querySelectorAll('.noUi-handle, select, input, button, textarea, canvas, img, [role=listbox], [role=radiogroup]');
    const seen = [...parts].filter((node) => !node.hidden && !node.closest('[aria-hidden=true]'));
    return seen.filter((node) => !name(node)).map((node) => node.outerHTML.slice(0, 200));
}"""
"""What can be pressed or looked at and has no name, shown or not."""
NO_NAME = (
    r"- (slider|combobox|listbox|checkbox|radio|button|spinbutton|textbox|meter|application|img)(?=$|:| \[)"
)
"""In Playwright's account of the accessibility tree: a role without a name."""
CHOICE = "node => node.matches('select') ? [...node.selectedOptions].map((option) => option.text).join() : node.value"


def check_names(page, root) -> None:
    """Wait until all within `root` have names, which are given soon after the view is made."""
    page.wait_for_function(
        f"root => ({NAMELESS})(root).length === 0", arg=root.element_handle(), timeout=30_000
    )
    assert re.findall(NO_NAME, root.aria_snapshot(), re.M) == []


def turn_one_of_each(page, root) -> int:
    """Move the first slider, menu and searched menu within `root` by one step with the keyboard; how many there were.

    All controls of a kind are the same widget; that each of them changes what is shown is tested without a browser
    (`tests/explorers/test_contract.py`).
    """
    turned = 0
    for selector, turn in (
        (".noUi-handle", turn_slider),
        ("select", turn_menu),
        ("[role=combobox]", turn_search),
    ):
        controls = [root.locator(selector).nth(n) for n in range(root.locator(selector).count())]
        first = next((one for one in controls if one.is_visible() and can_be_turned(one)), None)
        if first is not None:
            turn(page, first)
            turned += 1
    settle(page, 240)  # some answer with a minute of work on two cores
    return turned


def can_be_turned(control) -> bool:
    """Whether it is on and has more than one value."""
    return control.evaluate(
        """node => !node.disabled && !node.closest('.noUi-target')?.hasAttribute('disabled')
            && (!node.matches('select') || node.options.length > 1)
            && (!node.matches('.noUi-handle') || node.ariaValueMin !== node.ariaValueMax)"""
    )


def turn_slider(page, handle) -> None:
    """One step, towards where there is room; the handle's place tells, since `aria-valuenow` is rounded."""
    place = "node => node.parentElement.style.transform"
    before, node = handle.evaluate(place), handle.element_handle()
    full = handle.evaluate("node => Number(node.ariaValueNow) >= Number(node.ariaValueMax)")
    handle.focus()
    page.keyboard.press("ArrowLeft" if full else "ArrowRight")
    page.wait_for_function(
        f"([node, before]) => ({place})(node) !== before", arg=[node, before], timeout=30_000
    )


def turn_menu(page, menu) -> None:
    """The next option, or the one before the last."""
    before, node = menu.evaluate(CHOICE), menu.element_handle()
    last = menu.evaluate("node => node.selectedIndex === node.options.length - 1")
    menu.focus()
    page.keyboard.press("ArrowUp" if last else "ArrowDown")
    page.wait_for_function(
        f"([node, before]) => ({CHOICE})(node) !== before", arg=[node, before], timeout=30_000
    )


def turn_search(page, field) -> None:
    """The next option of a menu that is searched by typing, or the one before the last."""
    before, node = field.evaluate(CHOICE), field.element_handle()
    from playwright.sync_api import TimeoutError as TooLate

    changed = f"([node, before]) => ({CHOICE})(node) !== before"
    field.focus()
    # It may stand on the last, or the kernel may have answered another control late.
    for key in ["PageDown", "PageUp"] * 5:
        page.keyboard.press(key)
        with suppress(TooLate):
            page.wait_for_function(changed, arg=[node, before], timeout=1_000)
            return
    page.wait_for_function(changed, arg=[node, before], timeout=1_000)

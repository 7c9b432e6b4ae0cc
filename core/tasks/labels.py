"""Names of the built-in answers' fields, for the translators."""

from collections.abc import Mapping

from core.phrases import N_

FIELD_LABELS: Mapping[str, str] = {
    "amount": N_("Amount"),
    "amounts": N_("Amounts"),
    "body_region": N_("Body region"),
    "brand": N_("Brand"),
    "brands": N_("Brands"),
    "caption": N_("Caption"),
    "category": N_("Category"),
    "certainty": N_("Certainty"),
    "colors": N_("Colors"),
    "components": N_("Components"),
    "concerns": N_("Concerns"),
    "connections": N_("Connections"),
    "currency": N_("Currency"),
    "date": N_("Date"),
    "dates": N_("Dates"),
    "diagram_type": N_("Diagram type"),
    "document_type": N_("Document type"),
    "features": N_("Features"),
    "finding": N_("Finding"),
    "full_text": N_("Full text"),
    "hashtags": N_("Hashtags"),
    "image_quality": N_("Image quality"),
    "impression": N_("Impression"),
    "items": N_("Items"),
    "key_info": N_("Key info"),
    "kind": N_("Kind"),
    "label": N_("Label"),
    "limitations": N_("Limitations"),
    "location": N_("Location"),
    "materials": N_("Materials"),
    "modality": N_("Modality"),
    "mood": N_("Mood"),
    "name": N_("Name"),
    "names": N_("Names"),
    "notes": N_("Notes"),
    "observations": N_("Observations"),
    "organizations": N_("Organizations"),
    "product_name": N_("Product name"),
    "purpose": N_("Purpose"),
    "quantity": N_("Quantity"),
    "sections": N_("Sections"),
    "source": N_("Source"),
    "structure": N_("Structure"),
    "subjects": N_("Subjects"),
    "suitable_for": N_("Suitable for"),
    "summary": N_("Summary"),
    "tables": N_("Tables"),
    "target": N_("Target"),
    "tax": N_("Tax"),
    "title": N_("Title"),
    "total": N_("Total"),
    "vendor": N_("Vendor"),
    "view": N_("View"),
    "visible_text": N_("Visible text"),
}


def field_label(name: str) -> str:
    """Return a field's name in English words, for the translator; any schema's field has one."""
    if known := FIELD_LABELS.get(name):
        return known
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]

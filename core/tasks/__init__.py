"""What can be asked about a picture: presets with prompt, form of the answer and settings."""

from core.tasks.labels import field_label
from core.tasks.presets import TASKS, Task, TaskPrompt, prompt_for, task
from core.tasks.user_schema import parse_user_schema

__all__ = ["TASKS", "Task", "TaskPrompt", "field_label", "parse_user_schema", "prompt_for", "task"]

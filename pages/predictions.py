"""Predictions: set up, watch the training, see how good it is and why it says what it says."""

import streamlit as st

from components.address import forget
from components.empty_state import draw_empty_state
from components.error_panel import error_panel
from components.prediction_form import draw_prediction_form
from components.prediction_list import draw_prediction_list
from components.prediction_view import draw_prediction
from components.space_choice import require_space
from components.state import get_workspace
from core.errors import NotFound
from core.predictions.prediction import get_kind
from core.predictions.store import get_prediction

workspace = get_workspace()
st.title("Predictions", anchor=False)

with error_panel("reading the predictions"):
    space = require_space(
        workspace,
        ":material/online_prediction:",
        "There are no customers yet",
        "Predictions learn from the events of its customers.",
    )
    wanted, new = st.query_params.get("prediction"), st.query_params.get("new")
    if wanted is None and new is None:
        draw_prediction_list(workspace, space)
        st.stop()
    if st.button("All predictions", icon=":material/arrow_back:", type="tertiary", key="back"):
        forget("prediction", "new", "view")
        st.rerun()
    if wanted is None:
        draw_prediction_form(workspace, space, get_kind(str(new)))
        st.stop()
    try:
        prediction = get_prediction(workspace, wanted)
    except NotFound:
        draw_empty_state(":material/online_prediction:", "There is no such prediction", "It may have been deleted.")
        st.stop()
    draw_prediction(workspace, prediction)

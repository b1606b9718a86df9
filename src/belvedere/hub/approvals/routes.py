"""Approvals over HTTP."""

from fastapi import APIRouter

from belvedere.hub.approvals import tables as tables

router = APIRouter(tags=["approvals"])

"""The port in FastAPI; run under uvicorn."""

import datetime
import html
import json
import math
import urllib.parse
from decimal import Decimal
from typing import Any, List, Optional, Union

from fastapi import Cookie, FastAPI, Form, Header, HTTPException, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel

app = FastAPI()

# @views@

"""The port in Django; run under gunicorn, with sessions and CSRF protection."""

import datetime
import json
from decimal import Decimal

from django.conf import settings

settings.configure(
    SECRET_KEY="not a secret",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
    TIME_ZONE="UTC",
)

import django

django.setup()

from django import forms
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.template import Context, RequestContext, Template
from django.urls import path

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
</head>
<body>
%s
</body>
</html>
"""


def page(request, title, body, **values):
    return HttpResponse(Template(PAGE % body).render(RequestContext(request, {"title": title, **values})))


urlpatterns = []

# @views@

app = get_wsgi_application()

"""Locust's two kinds of users, without any wait."""
from locust import FastHttpUser, HttpUser, task


class Plain(HttpUser):
    @task
    def page(self):
        self.client.get("/")


class Fast(FastHttpUser):
    @task
    def page(self):
        self.client.get("/")

import { Module } from '@nestjs/common';
import { TasksModule } from '@fornax/tasks';
import { TaskHistoryController } from './task-history.controller.js';
import { WaitingController } from './waiting.controller.js';

/** Routes that answer from the log: the events of a task, its state as of a moment, why it waits. */
@Module({ imports: [TasksModule], controllers: [TaskHistoryController, WaitingController] })
export class HistoryModule {}

/** Everything that can happen in the tracker. Only these write, only these emit. */
export { createReport, deleteReport, editReport } from './reports.ts'
export { createComment, deleteComment, editComment } from './comments.ts'
export { addMember, createProject, deleteProject, editProject, removeMember, type Newcomer } from './projects.ts'
export { deliveredNotifications, readAllNotifications, readNotification } from './notices.ts'
